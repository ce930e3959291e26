//! workgroups: 10
//! elements fine: 1280
//! elements coarse: 320
//! elements sums: 640
@group(0) @binding(0) var<storage, read> fine: array<f32>;
@group(0) @binding(1) var<storage, read> coarse: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    sums[id.x] = fine[2u * id.x] + fine[2u * id.x + 1u] + coarse[id.x / 2u];
}
