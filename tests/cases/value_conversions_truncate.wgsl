// Conversions of f32 to integers drop the fraction (section Floating Point Conversion).
//! grid: 6
//! in a: f32 = 3.99 -3.99 0.5 -0.5 1e+09 -1e+09
//! out s: i32 = 3 -3 0 0 1000000000 -1000000000
//! out u: u32 = 3 3 0 0 0x3b9aca00 0x3b9aca00

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    s[i] = i32(a[i]);
    u[i] = u32(abs(a[i]));
}
