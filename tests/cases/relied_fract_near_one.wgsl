// Just below a whole number fract is x - floor(x), rounded to 1 or, on some drivers, to the number before: a program has to take
// both. The engine's is builtin_fract_near_one_engine.
//! grid: 4
//! in x: f32 = -1e-10 -5.9604645e-8 -2.9802322e-8 -3.0000002
//! out y: f32 = 1 0.99999994 1 0.99999976 ~ ulp 1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = fract(x[id.x]);
}
