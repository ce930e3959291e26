// Arithmetic of vec2<u32> component by component, and with a scalar on either side (section Arithmetic
// Expressions).
//! grid: 2
//! in a: u32 = 3 4 10 20
//! in b: u32 = 2 3 7 6
//! out sums: u32 = 5 7 17 26
//! out differences: u32 = 1 1 3 14
//! out products: u32 = 6 12 70 120
//! out scaled: u32 = 6 9 70 60
//! out moved: u32 = 0xffffffff 0 0xfffffffd 0xfffffffc

@group(0) @binding(0) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> differences: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> products: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> scaled: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> moved: array<vec2<u32>>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sums[i] = a[i] + b[i];
    differences[i] = a[i] - b[i];
    products[i] = a[i] * b[i];
    scaled[i] = a[i].x * b[i];
    moved[i] = b[i] - a[i].x;
}
