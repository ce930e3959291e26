//! workgroups: 4
//! elements x: 256
//! elements y: 256
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(subgroup_size) size: u32) {
    if (size == 8u) { y[id.x] = x[id.x]; } else { y[255u - id.x] = x[id.x]; }
}
