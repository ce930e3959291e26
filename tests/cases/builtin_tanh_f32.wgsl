// tanh of f32 is within 1e-5, or what sinh(x) / cosh(x) allows (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 0 0.5 -1 3 -4
//! out y: f32 = 0 0.46211715726000974 -0.7615941559557649 0.9950547536867305 -0.999329299739067 ~ abs 1e-5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = tanh(x[i]);
}
