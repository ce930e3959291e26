// What the CPU engine makes of floats out of range: the extreme values, and 0 for NaN.
//! grid: 8
//! device: cpu, because WGSL leaves the conversion of NaN open (section 15.7.2)
//! in f: f32 = 3e9 -3e9 5e9 nan inf -inf 2147483648 4294967296
//! out s: i32 = 2147483647 -2147483648 2147483647 0 2147483647 -2147483648 2147483647 2147483647
//! out u: u32 = 3000000000 0 4294967295 0 4294967295 0 2147483648 4294967295

@group(0) @binding(0) var<storage, read> f: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    s[id.x] = i32(f[id.x]);
    u[id.x] = u32(f[id.x]);
}
