// cosh of f32 is inherited from (exp(x) + exp(-x)) / 2 (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 0 0.5 -1 3 -4
//! out y: f32 = 1 1.1276259652063807 1.5430806348152437 10.067661995777765 27.308232836016487 ~ ulp 16 abs 1e-6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = cosh(x[i]);
}
