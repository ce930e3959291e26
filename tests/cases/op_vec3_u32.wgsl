// Arithmetic of vec3<u32> component by component, and with a scalar on either side (section Arithmetic
// Expressions).
//! grid: 2
//! in a: u32 = 3 4 5 10 20 30
//! in b: u32 = 2 3 4 7 6 5
//! out sums: u32 = 5 7 9 17 26 35
//! out differences: u32 = 1 1 1 3 14 25
//! out products: u32 = 6 12 20 70 120 150
//! out scaled: u32 = 6 9 12 70 60 50
//! out moved: u32 = 0xffffffff 0 1 0xfffffffd 0xfffffffc 0xfffffffb

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<storage, read_write> differences: array<u32>;
@group(0) @binding(4) var<storage, read_write> products: array<u32>;
@group(0) @binding(5) var<storage, read_write> scaled: array<u32>;
@group(0) @binding(6) var<storage, read_write> moved: array<u32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let p = vec3<u32>(a[3 * i], a[3 * i + 1], a[3 * i + 2]);
    let q = vec3<u32>(b[3 * i], b[3 * i + 1], b[3 * i + 2]);
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
