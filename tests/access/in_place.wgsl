//! workgroups: 10
//! elements scaled: 640
//! elements shifted: 641
//! elements halves: 1280
@group(0) @binding(0) var<storage, read_write> scaled: array<f32>;
@group(0) @binding(1) var<storage, read_write> shifted: array<f32>;
@group(0) @binding(2) var<storage, read_write> halves: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    scaled[id.x] *= 2.0;
    shifted[id.x] = shifted[id.x + 1u];
    halves[640u + id.x] = halves[id.x];
}
