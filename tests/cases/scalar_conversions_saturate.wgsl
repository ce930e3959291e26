// Floats out of an integer type's range become its nearest value (section 15.7.6).
//! grid: 8
//! in f: f32 = 3e9 -3e9 5e9 -0.5 2147483648 -2147483648 4294967296 2147483520
//! out s: i32 = _ -2147483648 _ 0 _ -2147483648 _ 2147483520
//! out u: u32 = 3000000000 0 _ 0 2147483648 0 _ 2147483520
//! out clamped: u32 = 1 0 1 0 1 0 1 1
//! out full: u32 = 0 0 1 0 0 0 1 0

@group(0) @binding(0) var<storage, read> f: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;
@group(0) @binding(3) var<storage, read_write> clamped: array<u32>;
@group(0) @binding(4) var<storage, read_write> full: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    s[i] = i32(f[i]);
    u[i] = u32(f[i]);
    // WGSL saturates to the largest float that fits, 2^31 - 128, or to 2^31 - 1: both are above this.
    clamped[i] = u32(i32(f[i]) >= 2147483520);
    full[i] = u32(u32(f[i]) > 4294967000);
}
