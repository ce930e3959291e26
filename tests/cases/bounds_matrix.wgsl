// An index past a matrix's last column, and past a column's last row, in a buffer.
//! grid: 4
//! inout s: f32 = 1 2 3 4 9 0 -> 1 2 3 4 9 0
//! out y: f32 = 1 4 0 0

struct S {
    m: mat2x2f,
    next: f32,
}

@group(0) @binding(0) var<storage, read_write> s: S;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    y[i] = s.m[i][i];
    if i > 1 {
        s.m[i][0] = 7;
        s.m[0][i] = 7;
    }
}
