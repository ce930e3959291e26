// f32 / f32 is within 2.5 ULP where the divisor is neither tiny nor huge (section Floating Point Accuracy).
//! grid: 10
//! in a: f32 = 0 1 -1.5 0.1 16777216 1e+20 3 -7.25 0.001 65504
//! in b: f32 = 1 -1 2.25 0.2 1 -1e+20 0.1 7.25 1000 32
//! out y: f32 = 0 -1 -0.6666666666666666 0.5 16777216 -1 29.99999955296517 -1 1.0000000474974512e-06 2047 ~ ulp 2.5

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] / b[i];
}
