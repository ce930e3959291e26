// Columns of three rows take 16 bytes, of two rows 8; columns and elements are read and written alone.
//! grid: 1
//! in m: f32 = 1 2 3 0  4 5 6 0  7 8 9 0
//! inout n: f32 = 10 11 12 0.5  13 14 15 0.5 -> 10 11 99 0.5  4 5 6 0.5
//! out y: f32 = 15 6 8 24

@group(0) @binding(0) var<storage, read> m: mat3x3f;
@group(0) @binding(1) var<storage, read_write> n: mat2x3f;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = m[0].x + m[1][1] + m[2].z;
    y[1] = m[1][2];
    y[2] = m[2].y;
    var local = m;
    local[2][2] = 1;
    y[3] = determinant(mat3x3f(local[0], local[1], local[2]));
    n[0][2] = 99;
    n[1] = m[1];
}
