// cosh of f16 is inherited from (exp(x) + exp(-x)) / 2 (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -1 3 -4 0
//! out y: f16 = 1 1.1276259652063807 1.5430806348152437 10.067661995777765 27.308232836016487 1 ~ ulp 24 abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = cosh(x[i]);
}
