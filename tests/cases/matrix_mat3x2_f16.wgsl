// mat3x2<f16>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f16 = -3 2 0 -2 3 1
//! out y: f16 = 6 9 -4 -2 7 -3 0 3 2 -2 1 18 -3 -3 9 -7.5 5 0 -5 7.5 2.5 untouched

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    var m: mat3x2<f16>;
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 2u; j++) {
            m[k][j] = x[2 * k + j];
        }
    }
    let column = m * vec3<f16>(1, -2, 3);
    let row = vec2<f16>(2, 1) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f16(2) - f16(0.5) * m;
    for (var j = 0u; j < 2u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 3u; k++) {
        y[2 + k] = row[k];
    }
    for (var j = 0u; j < 2u; j++) {
        for (var k = 0u; k < 3u; k++) {
            y[5 + 3 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 2u; i++) {
            y[11 + 2 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 2u; j++) {
            y[15 + 2 * k + j] = combined[k][j];
        }
    }
}
