// mat3x3<f32>: times a vector on either side, transposed, times its transpose, sums and multiples (section
// Arithmetic Expressions).
//! grid: 1
//! in x: f32 = -3 2 0 0 -2 3 3 1 -1
//! out y: f32 = 6 9 -9 -4 -5 8 -3 0 3 2 -2 1 0 3 -1 18 -3 -3 -3 9 -7 -3 -7 10 -7.5 5 0 0 -5 7.5 7.5 2.5 -2.5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var m: mat3x3<f32>;
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 3u; j++) {
            m[k][j] = x[3 * k + j];
        }
    }
    let column = m * vec3<f32>(1, -2, 3);
    let row = vec3<f32>(2, 1, -1) * m;
    var turned = transpose(m);
    var square = m * turned;
    var combined = m + m * f32(2) - f32(0.5) * m;
    for (var j = 0u; j < 3u; j++) {
        y[j] = column[j];
    }
    for (var k = 0u; k < 3u; k++) {
        y[3 + k] = row[k];
    }
    for (var j = 0u; j < 3u; j++) {
        for (var k = 0u; k < 3u; k++) {
            y[6 + 3 * j + k] = turned[j][k];
        }
        for (var i = 0u; i < 3u; i++) {
            y[15 + 3 * j + i] = square[j][i];
        }
    }
    for (var k = 0u; k < 3u; k++) {
        for (var j = 0u; j < 3u; j++) {
            y[24 + 3 * k + j] = combined[k][j];
        }
    }
}
