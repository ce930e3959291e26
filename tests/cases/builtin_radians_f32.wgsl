// radians of f32 multiplies by pi / 180 (section Floating Point Accuracy).
//! grid: 4
//! in x: f32 = 0 90 -180 57
//! out y: f32 = 0 1.5707963267948966 -3.141592653589793 0.9948376736367679 ~ ulp 3.5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = radians(x[i]);
}
