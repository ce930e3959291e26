// Sums, differences, scalars on the left, compound assignment, columns and elements assigned, zero matrices.
//! grid: 2
//! in m: f32 = 1 2 3 4  5 6 7 8
//! inout y: f32 = 0*40
//!     -> 12 16 20 24  -8 -8 -8 -8  3 6 9 12  9 2 -1 4  23 34 31 46
//!     12 16 20 24  8 8 8 8  15 18 21 24  9 6 -1 8  23 34 31 46

@group(0) @binding(0) var<storage, read> m: array<mat2x2f, 2>;
@group(0) @binding(1) var<storage, read_write> y: array<mat2x2f>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let a = m[i];
    let b = m[1 - i];
    y[5 * i] = (a + b) * 2.0;
    y[5 * i] -= a + b;
    y[5 * i] *= 2.0;
    y[5 * i + 1] = 2.0 * (a - b);
    y[5 * i + 2] = 3.0 * a + mat2x2f();
    var c = a;
    c[0].x = 9;
    c[1][0] = -1;
    y[5 * i + 3] = c;
    var d = m[0];
    d *= transpose(m[1]) - mat2x2f(0, 1, -1, 0);
    y[5 * i + 4] = d;
}
