// determinant of mat2x2<f16>: a regular matrix, its transpose, and one without an inverse (section Numeric Built-in
// Functions).
//! grid: 1
//! in m: f16 = 2 -1 1 3
//! in s: f16 = 1 2 2 4
//! out y: f16 = 7 7 0 0 ~ abs 0.1

enable f16;

@group(0) @binding(0) var<storage, read> m: array<f16>;
@group(0) @binding(1) var<storage, read> s: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    var a: mat2x2<f16>;
    var b: mat2x2<f16>;
    for (var c = 0u; c < 2u; c++) {
        for (var r = 0u; r < 2u; r++) {
            a[c][r] = m[2 * c + r];
            b[c][r] = s[2 * c + r];
        }
    }
    y[0] = determinant(a);
    y[1] = determinant(transpose(a));
    y[2] = determinant(b);
    y[3] = 0.0h;
}
