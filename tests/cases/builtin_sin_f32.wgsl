// sin of f32 is within 2^-11 between -pi and pi (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 0 1 -1 3 -2 0.5
//! out y: f32 = 0 0.8414709848078965 -0.8414709848078965 0.1411200080598672 -0.9092974268256817 0.479425538604203 ~
//!     abs pow(2, -11)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sin(x[i]);
}
