// mat4x3<f32>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f32 = -3 2 0 0 -2 3 3 1 -1 -1 -3 2
//! out y: f32 = 5.5 7.5 -8 -4 -5 8 -7 -3 0 3 -1 2 -2 1 -3 0 3 -1 2 19 0 -5 0 18 -13 -5 -13 14 -7.5 5 0 0 -5 7.5 7.5
//!     2.5 -2.5 -2.5 -7.5 5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var m: mat4x3<f32>;
    for (var k = 0u; k < 4u; k++) {
        for (var j = 0u; j < 3u; j++) {
            m[k][j] = x[3 * k + j];
        }
    }
    let column = m * vec4<f32>(1, -2, 3, 0.5);
    let row = vec3<f32>(2, 1, -1) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f32(2) - f32(0.5) * m;
    for (var j = 0u; j < 3u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 4u; k++) {
        y[3 + k] = row[k];
    }
    for (var j = 0u; j < 3u; j++) {
        for (var k = 0u; k < 4u; k++) {
            y[7 + 4 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 3u; i++) {
            y[19 + 3 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 4u; k++) {
        for (var j = 0u; j < 3u; j++) {
            y[28 + 3 * k + j] = combined[k][j];
        }
    }
}
