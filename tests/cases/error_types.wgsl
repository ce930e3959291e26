// What does not type-check is shown at its place.
//! error: `u32` to `f32`

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = id.x; // refused here
}
