// atan of f32 is within 4096 ULP (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 0 0.5 -1 10 -100
//! out y: f32 = 0 0.4636476090008061 -0.7853981633974483 1.4711276743037347 -1.5607966601082315 ~ ulp 4096

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = atan(x[i]);
}
