// Just below a whole number fract is x - floor(x), which rounds to 1.
//! grid: 4
//! device: cpu, because drivers differ: SwiftShader stays below 1
//! in x: f32 = -1e-10 -5.9604645e-8 -2.9802322e-8 -3.0000002
//! out y: f32 = 1 0.99999994 1 0.99999976

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = fract(x[id.x]);
}
