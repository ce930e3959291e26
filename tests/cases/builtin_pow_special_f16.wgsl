// pow of f16 at the ends of its domain is what IEEE 754-2019 calls powr, but 1 where the exponent is 0 or the base
// 1; NaN for negative bases.
//! grid: 14
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in x: f16 = 0 0 1 nan 2 0.5 2 0.5 inf inf -1 1 nan 0
//! in y: f16 = 1 -1 nan 0 inf inf -inf -inf 2 -2 2 5 1 1
//! out z: f16 = 0 inf 1 1 inf 0 0 inf inf 0 nan 1 nan 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read> y: array<f16>;
@group(0) @binding(2) var<storage, read_write> z: array<f16>;

@compute @workgroup_size(14)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    z[i] = pow(x[i], y[i]);
}
