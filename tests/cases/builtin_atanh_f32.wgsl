// atanh of f32 is inherited from log((1 + x) / (1 - x)) / 2 (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 0 0.5 -0.5 0.9 -0.25
//! out y: f32 = 0 0.5493061443340548 -0.5493061443340548 1.4722193640997716 -0.25541281188299536 ~ ulp 16 abs 1e-6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = atanh(x[i]);
}
