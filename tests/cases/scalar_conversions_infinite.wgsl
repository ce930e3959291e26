// Infinities convert like large numbers, and a half's to the largest half.
//! grid: 2
//! device: cpu, because WGSL lets an implementation assume that there are no infinities (section 15.7.2)
//! in f: f32 = inf -inf
//! in h: f16 = inf -inf
//! out s: i32 = 2147483520 -2147483648 65504 -65504
//! out u: u32 = 4294967040 0 65504 0

enable f16;

@group(0) @binding(0) var<storage, read> f: array<f32>;
@group(0) @binding(1) var<storage, read> h: array<f16>;
@group(0) @binding(2) var<storage, read_write> s: array<i32>;
@group(0) @binding(3) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    s[i] = i32(f[i]);
    u[i] = u32(f[i]);
    s[i + 2] = i32(h[i]);
    u[i + 2] = u32(h[i]);
}
