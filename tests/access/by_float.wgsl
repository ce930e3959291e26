//! workgroups: 4
//! words scale: 1073741824
//! elements x: 256
//! elements y: 256
@group(0) @binding(0) var<uniform> scale: f32;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    // In bounds, but where is for the device's arithmetic to say.
    y[id.x] = x[min(u32(f32(id.x) * scale), 255u)];
}
