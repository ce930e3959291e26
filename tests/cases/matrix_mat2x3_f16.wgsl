// mat2x3<f16>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f16 = -3 2 0 0 -2 3
//! out y: f16 = -3 6 -6 -4 -5 -3 0 2 -2 0 3 9 -6 0 -6 8 -6 0 -6 9 -7.5 5 0 0 -5 7.5

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    var m: mat2x3<f16>;
    for (var k = 0u; k < 2u; k++) {
        for (var j = 0u; j < 3u; j++) {
            m[k][j] = x[3 * k + j];
        }
    }
    let column = m * vec2<f16>(1, -2);
    let row = vec3<f16>(2, 1, -1) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f16(2) - f16(0.5) * m;
    for (var j = 0u; j < 3u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 2u; k++) {
        y[3 + k] = row[k];
    }
    for (var j = 0u; j < 3u; j++) {
        for (var k = 0u; k < 2u; k++) {
            y[5 + 2 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 3u; i++) {
            y[11 + 3 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 2u; k++) {
        for (var j = 0u; j < 3u; j++) {
            y[20 + 3 * k + j] = combined[k][j];
        }
    }
}
