// Comparisons of f32 with a NaN are false but for !=; zeros of both signs are equal.
//! grid: 9
//! device: cpu, because WGSL leaves NaN and infinities open (section Differences from IEEE-754)
//! in a: f32 = 0 -0 nan nan 1 inf -inf inf inf
//! in b: f32 = -0 0 nan 1 nan inf inf nan 1
//! out y: u32 = 26 26 32 32 32 26 35 32 44

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(9)
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
