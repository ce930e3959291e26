// asinh of f16 is inherited from log(x + sqrt(x * x + 1)) (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -1 10 -40 0
//! out y: f16 = 0 0.48121182505960347 -0.881373587019543 2.99822295029797 -4.382182848065498 0 ~ ulp 24 abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = asinh(x[i]);
}
