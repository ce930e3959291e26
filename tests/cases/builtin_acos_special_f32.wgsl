// acos of f32 at zeros, infinities, NaN and the ends of its domain is what IEEE 754-2019 recommends (section 9.2).
//! grid: 9
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in x: f32 = 0 -0 inf -inf nan 1 -1 2 -1.5
//! out y: f32 = 1.5707963267948966 1.5707963267948966 nan nan nan 0 3.141592653589793 nan nan ~ ulp 2

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = acos(x[i]);
}
