// determinant of mat4x4<f32>: a regular matrix, its transpose, and one without an inverse (section Numeric Built-in
// Functions).
//! grid: 1
//! in m: f32 = 2 -1 0.5 3 1 3 -2 0 0 4 1 -1 1 1 2 2
//! in s: f32 = 1 2 3 4 2 4 6 8 1 0 1 0 0 1 0 1
//! out y: f32 = 15 15 0 ~ abs 1e-4

@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var a: mat4x4<f32>;
    var b: mat4x4<f32>;
    for (var c = 0u; c < 4u; c++) {
        for (var r = 0u; r < 4u; r++) {
            a[c][r] = m[4 * c + r];
            b[c][r] = s[4 * c + r];
        }
    }
    y[0] = determinant(a);
    y[1] = determinant(transpose(a));
    y[2] = determinant(b);
}
