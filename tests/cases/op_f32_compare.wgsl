// The six comparisons of f32, as bits of a word (section Comparison Expressions).
//! grid: 7
//! in a: f32 = 0 1 -1 1.5 -2 1e+30 0.25
//! in b: f32 = 0 2 1 1.5 -3 -1e+30 0.25
//! out y: u32 = 26 35 35 26 44 44 26

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var bits = 0u;
    bits |= u32(a[i] < b[i]) << 0u;
    bits |= u32(a[i] <= b[i]) << 1u;
    bits |= u32(a[i] > b[i]) << 2u;
    bits |= u32(a[i] >= b[i]) << 3u;
    bits |= u32(a[i] == b[i]) << 4u;
    bits |= u32(a[i] != b[i]) << 5u;
    y[i] = bits;
}
