// atan2 of f16 along the axes and at infinity is what IEEE 754-2019 recommends (section 9.2.1).
//! grid: 18
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in y: f16 = 0 -0 0 -0 1 -1 1 -1 inf -inf inf -inf 1 -1 inf nan 1 0
//! in x: f16 = 1 1 -1 -1 0 0 -0 -0 inf inf -inf -inf inf -inf 1 1 nan 1
//! out angle: f16 = 0 -0 3.141592653589793 -3.141592653589793 1.5707963267948966 -1.5707963267948966
//!     1.5707963267948966 -1.5707963267948966 0.7853981633974483 -0.7853981633974483 2.356194490192345
//!     -2.356194490192345 0 -3.141592653589793 1.5707963267948966 nan nan 0 ~ ulp 2

enable f16;

@group(0) @binding(0) var<storage, read> y: array<f16>;
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read_write> angle: array<f16>;

@compute @workgroup_size(18)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    angle[i] = atan2(y[i], x[i]);
}
