//! workgroups: 10 12
//! words height: 96
//! elements src: 7680
//! elements dst: 7680
@group(0) @binding(0) var<uniform> height: u32;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    dst[id.x * height + id.y] = src[id.x * height + height - 1u - id.y];
}
