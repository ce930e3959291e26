// asin of f32 is within what atan2(x, sqrt(1 - x * x)) allows (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 0 0.5 -0.5 0.9 -1 1
//! out y: f32 = 0 0.5235987755982989 -0.5235987755982989 1.119769460301664 -1.5707963267948966 1.5707963267948966 ~
//!     ulp 4096 abs 6.77e-5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = asin(x[i]);
}
