// tanh of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -1 3 -4 0
//! out y: f16 = 0 0.46211715726000974 -0.7615941559557649 0.9950547536867305 -0.999329299739067 0 ~ abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = tanh(x[i]);
}
