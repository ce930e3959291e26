// asinh of f32 is inherited from log(x + sqrt(x * x + 1)), whose sum cancels far below zero (section Floating Point
// Accuracy).
//! grid: 5
//! in x: f32 = 0 0.5 -1 10 -40
//! out y: f32 = 0 0.48121182505960347 -0.881373587019543 2.99822295029797 -4.382182848065498
//!     ~ ulp 16 abs x[i] < -5 ? 2e-3 : 1e-6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = asinh(x[i]);
}
