// acosh of f16 is inherited from log(x + sqrt(x * x - 1)) (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 1 1.5 2 10 40 1
//! out y: f16 = 0 0.9624236501192069 1.3169578969248166 2.993222846126381 4.381870348040067 0 ~ ulp 24 abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = acosh(x[i]);
}
