// acosh of f32 is inherited from log(x + sqrt(x * x - 1)) (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 1 1.5 2 10 40
//! out y: f32 = 0 0.9624236501192069 1.3169578969248166 2.993222846126381 4.381870348040067 ~ ulp 16 abs 1e-6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = acosh(x[i]);
}
