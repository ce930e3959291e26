// mat2x2<f32>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f32 = -3 2 0 -2
//! out y: f32 = -3 6 -4 -2 -3 0 2 -2 9 -6 -6 8 -7.5 5 0 -5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var m: mat2x2<f32>;
    for (var k = 0u; k < 2u; k++) {
        for (var j = 0u; j < 2u; j++) {
            m[k][j] = x[2 * k + j];
        }
    }
    let column = m * vec2<f32>(1, -2);
    let row = vec2<f32>(2, 1) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f32(2) - f32(0.5) * m;
    for (var j = 0u; j < 2u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 2u; k++) {
        y[2 + k] = row[k];
    }
    for (var j = 0u; j < 2u; j++) {
        for (var k = 0u; k < 2u; k++) {
            y[4 + 2 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 2u; i++) {
            y[8 + 2 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 2u; k++) {
        for (var j = 0u; j < 2u; j++) {
            y[12 + 2 * k + j] = combined[k][j];
        }
    }
}
