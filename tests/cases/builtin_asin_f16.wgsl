// asin of f16 is within what atan2(x, sqrt(1 - x * x)) allows (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -0.5 0.9 -1 1
//! out y: f16 = 0 0.5235987755982989 -0.5235987755982989 1.1195455279883828 -1.5707963267948966 1.5707963267948966
//!     ~ ulp 5 abs 3.91e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = asin(x[i]);
}
