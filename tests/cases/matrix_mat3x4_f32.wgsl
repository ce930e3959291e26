// mat3x4<f32>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f32 = -3 2 0 -2 0 -2 3 1 3 1 -1 -3
//! out y: f32 = 6 9 -9 -13 -10 -2 -1 -3 0 3 2 -2 1 0 3 -1 -2 1 -3 18 -3 -3 -3 -3 9 -7 -9 -3 -7 10 6 -3 -9 6 14 -7.5
//!     5 0 -5 0 -5 7.5 2.5 7.5 2.5 -2.5 -7.5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var m: mat3x4<f32>;
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 4u; j++) {
            m[k][j] = x[4 * k + j];
        }
    }
    let column = m * vec3<f32>(1, -2, 3);
    let row = vec4<f32>(2, 1, -1, 3) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f32(2) - f32(0.5) * m;
    for (var j = 0u; j < 4u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 3u; k++) {
        y[4 + k] = row[k];
    }
    for (var j = 0u; j < 4u; j++) {
        for (var k = 0u; k < 3u; k++) {
            y[7 + 3 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 4u; i++) {
            y[19 + 4 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 4u; j++) {
            y[35 + 4 * k + j] = combined[k][j];
        }
    }
}
