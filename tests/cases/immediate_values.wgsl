// Immediates are set like uniforms.
//! grid: 3
//! set gain: f32 = 2.5
//! in x: f32 = 1 2 3
//! out y: f32 = 2.5 5 7.5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
var<immediate> gain: f32;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = gain * x[id.x]; }
