// Matrix by vector, vector by matrix, matrix by matrix, by scalar; sums; columns come first.
//! grid: 1
//! in a: f32 = 1 2  3 4  5 6
//! in b: f32 = 1 0 2  -1 3 1
//! out av: f32 = 22 28
//! out va: f32 = 5 11 17
//! out ab: f32 = 11 14  13 16
//! out scaled: f32 = 2 4  6 8  10 12
//! out sum: f32 = 0 0  0 0  0 0
//! out transposed: f32 = 1 3 5 _ 2 4 6 _

@group(0) @binding(0) var<storage, read> a: mat3x2f;
@group(0) @binding(1) var<storage, read> b: array<f32, 6>;
@group(0) @binding(2) var<storage, read_write> av: vec2f;
@group(0) @binding(3) var<storage, read_write> va: array<f32>;
@group(0) @binding(4) var<storage, read_write> ab: mat2x2f;
@group(0) @binding(5) var<storage, read_write> scaled: mat3x2f;
@group(0) @binding(6) var<storage, read_write> sum: mat3x2f;
@group(0) @binding(7) var<storage, read_write> transposed: mat2x3f;

@compute @workgroup_size(1)
fn main() {
    av = a * vec3f(1, 2, 3);
    let row = vec2f(1, 2) * a;
    va[0] = row.x;
    va[1] = row.y;
    va[2] = row.z;
    let m = mat2x3f(b[0], b[1], b[2], b[3], b[4], b[5]);
    ab = a * m;
    scaled = a * 2.0;
    sum = a + -1.0 * a;
    transposed = transpose(a);
}
