//! workgroups: 20 10
//! words params: 160 80
//! elements src: 12800
//! elements dst: 12800
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    dst[id.x * params.height + id.y] = src[id.y * params.width + id.x];
}
