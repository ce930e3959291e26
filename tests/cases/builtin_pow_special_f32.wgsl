// pow of f32 at the ends of its domain is what IEEE 754-2019 calls powr, but 1 where the exponent is 0 or the base
// 1; NaN for negative bases.
//! grid: 13
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in x: f32 = 0 0 1 nan 2 0.5 2 0.5 inf inf -1 1 nan
//! in y: f32 = 1 -1 nan 0 inf inf -inf -inf 2 -2 2 5 1
//! out z: f32 = 0 inf 1 1 inf 0 0 inf inf 0 nan 1 nan

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(13)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    z[i] = pow(x[i], y[i]);
}
