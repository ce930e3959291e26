// Infinities, NaN, zeros and subnormal halves through the four operations on the engine, as IEEE 754 says.
//! grid: 8
//! device: cpu, because WGSL leaves NaN, infinities, subnormal numbers and the sign of zero open (section
//!     Differences from IEEE-754)
//! in a: f16 = 1 -1 0 inf inf 60000 5.96e-08 -0
//! in b: f16 = 0 0 0 inf -inf 60000 5.96e-08 0
//! out sum: f16 = 1 -1 0 inf nan inf 1.19e-07 0
//! out product: f16 = 0 -0 0 inf -inf inf 0 -0
//! out quotient: f16 = inf -inf nan nan nan 1 1 nan

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> sum: array<f16>;
@group(0) @binding(3) var<storage, read_write> product: array<f16>;
@group(0) @binding(4) var<storage, read_write> quotient: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
}
