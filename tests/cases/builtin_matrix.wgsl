// transpose, determinant and outer structure of matrices of all sizes, with whole numbers.
//! grid: 1
//! set s: f32 = 1
//! out y: f32 = -2 -3 -13 1 4 2 5 3 6

@group(0) @binding(0) var<uniform> s: f32;
@group(0) @binding(1) var<storage, read_write> y: array<f32, 9>;

@compute @workgroup_size(1)
fn main() {
    y[0] = determinant(mat2x2f(1, 2, 3, 4) * s);
    y[1] = determinant(mat3x3f(2, 0, 1, 1, 3, 2, 1, 0, 0) * s);
    y[2] = determinant(mat4x4f(1, 0, 2, -1, 3, 0, 0, 5, 2, 1, 4, -3, 1, 0, 5, 0) * s) - 43;
    let t = transpose(mat2x3f(1, 2, 3, 4, 5, 6) * s);
    y[3] = t[0].x;
    y[4] = t[0].y;
    y[5] = t[1].x;
    y[6] = t[1].y;
    y[7] = t[2].x;
    y[8] = t[2].y;
}
