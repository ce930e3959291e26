// Dynamic indices of column and row into a matrix that is a value.
//! grid: 9
//! out y: u32 = each(9, 10 * (i / 3) + i % 3)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let m = mat3x3f(0, 1, 2, 10, 11, 12, 20, 21, 22);
    y[i] = u32(m[i / 3][i % 3]);
}
