//! workgroups: 1200
//! words params: 320 240
//! elements src: 76800
//! elements dst: 76800
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let x = i % params.width;
    let y = i / params.width;
    if (x == 0u || y == 0u || x + 1u >= params.width || y + 1u >= params.height) { return; }
    dst[i] = src[y * params.width + x - 1u] + src[(y - 1u) * params.width + x] + src[(y + 1u) * params.width + x + 1u];
}
