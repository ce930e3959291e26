//! workgroups: 10
//! elements index: 640
//! elements src: 10000
//! elements dst: 640
@group(0) @binding(0) var<storage, read> index: array<u32>;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let at = index[id.x];
    if (at < arrayLength(&src)) { dst[id.x] = src[at]; }
}
