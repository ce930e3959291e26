// Arithmetic of vec4<i32> component by component, and with a scalar on either side (section Arithmetic
// Expressions).
//! grid: 2
//! in a: i32 = 3 -4 5 -6 10 20 -30 40
//! in b: i32 = 2 3 -4 5 -7 6 5 4
//! out sums: i32 = 5 -1 1 -1 3 26 -25 44
//! out differences: i32 = 1 -7 9 -11 17 14 -35 36
//! out products: i32 = 6 -12 -20 -30 -70 120 -150 160
//! out scaled: i32 = 6 9 -12 15 -70 60 50 40
//! out moved: i32 = -1 0 -7 2 -17 -4 -5 -6

@group(0) @binding(0) var<storage, read> a: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> differences: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read_write> products: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> scaled: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> moved: array<vec4<i32>>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sums[i] = a[i] + b[i];
    differences[i] = a[i] - b[i];
    products[i] = a[i] * b[i];
    scaled[i] = a[i].x * b[i];
    moved[i] = b[i] - a[i].x;
}
