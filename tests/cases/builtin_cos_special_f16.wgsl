// cos of f16 at zeros, infinities, NaN and the ends of its domain is what IEEE 754-2019 recommends (section 9.2).
//! grid: 6
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in x: f16 = 0 -0 inf -inf nan 0
//! out y: f16 = 1 1 nan nan nan 1

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = cos(x[i]);
}
