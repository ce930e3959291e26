// acos of f32 is within what atan2(sqrt(1 - x * x), x) allows (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 0 0.5 -0.5 0.9 -1 1
//! out y: f32 = 1.5707963267948966 1.0471975511965979 2.0943951023931957 0.45102686649323265 3.141592653589793 0 ~
//!     ulp 4096 abs 6.77e-5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = acos(x[i]);
}
