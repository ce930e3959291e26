// Conversions of halves to integers truncate (section Floating Point Conversion).
//! grid: 6
//! in a: f16 = 3.9 -3.9 65504 -65504 0.5 -0.5
//! out s: i32 = 3 -3 65504 -65504 0 0
//! out u: u32 = 3 3 65504 65504 0 0

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    s[i] = i32(a[i]);
    u[i] = u32(abs(a[i]));
}
