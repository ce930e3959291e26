// Arithmetic of vec3<i32> component by component, and with a scalar on either side (section Arithmetic
// Expressions).
//! grid: 2
//! in a: i32 = 3 -4 5 10 20 -30
//! in b: i32 = 2 3 -4 -7 6 5
//! out sums: i32 = 5 -1 1 3 26 -25
//! out differences: i32 = 1 -7 9 17 14 -35
//! out products: i32 = 6 -12 -20 -70 120 -150
//! out scaled: i32 = 6 9 -12 -70 60 50
//! out moved: i32 = -1 0 -7 -17 -4 -5

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> sums: array<i32>;
@group(0) @binding(3) var<storage, read_write> differences: array<i32>;
@group(0) @binding(4) var<storage, read_write> products: array<i32>;
@group(0) @binding(5) var<storage, read_write> scaled: array<i32>;
@group(0) @binding(6) var<storage, read_write> moved: array<i32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let p = vec3<i32>(a[3 * i], a[3 * i + 1], a[3 * i + 2]);
    let q = vec3<i32>(b[3 * i], b[3 * i + 1], b[3 * i + 2]);
    let sums_3 = p + q;
    for (var k = 0u; k < 3u; k++) {
        sums[3 * i + k] = sums_3[k];
    }
    let differences_3 = p - q;
    for (var k = 0u; k < 3u; k++) {
        differences[3 * i + k] = differences_3[k];
    }
    let products_3 = p * q;
    for (var k = 0u; k < 3u; k++) {
        products[3 * i + k] = products_3[k];
    }
    let scaled_3 = p.x * q;
    for (var k = 0u; k < 3u; k++) {
        scaled[3 * i + k] = scaled_3[k];
    }
    let moved_3 = q - p.x;
    for (var k = 0u; k < 3u; k++) {
        moved[3 * i + k] = moved_3[k];
    }
}
