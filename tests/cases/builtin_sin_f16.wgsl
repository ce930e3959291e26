// sin of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 1 -1 3 -2 0.5
//! out y: f16 = 0 0.8414709848078965 -0.8414709848078965 0.1411200080598672 -0.9092974268256817 0.479425538604203 ~
//!     abs pow(2, -7)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sin(x[i]);
}
