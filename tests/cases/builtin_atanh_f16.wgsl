// atanh of f16 is inherited from log((1 + x) / (1 - x)) / 2 (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -0.5 0.9 -0.25 0
//! out y: f16 = 0 0.5493061443340548 -0.5493061443340548 1.4717057469230728 -0.25541281188299536 0 ~ ulp 24 abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = atanh(x[i]);
}
