// atan of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -1 10 -100 0
//! out y: f16 = 0 0.4636476090008061 -0.7853981633974483 1.4711276743037347 -1.5607966601082315 0 ~ ulp 5

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = atan(x[i]);
}
