//! workgroups: 30
//! words n: 1900
//! elements src: 1900
//! elements dst: 1900
@group(0) @binding(0) var<uniform> n: u32;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
var<workgroup> tile: array<f32, 66>;
fn load(i: i32) -> f32 {
    if (i >= 0 && i < i32(n)) { return src[i]; }
    return 0.0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = i32(group.x * 64u + lane);
    tile[lane + 1u] = load(i);
    if (lane == 0u) { tile[0] = load(i - 1); }
    if (lane == 63u) { tile[65] = load(i + 1); }
    workgroupBarrier();
    if (i < i32(n)) { dst[i] = tile[lane] + tile[lane + 1u] + tile[lane + 2u]; }
}
