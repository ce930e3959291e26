//! workgroups: 10
//! elements x: 640
//! elements y: 640
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[arrayLength(&y) - 1u - id.x] = x[id.x];
}
