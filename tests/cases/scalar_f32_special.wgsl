// Infinities, signed zeros, NaN and subnormal numbers go through the four operations as IEEE 754 says.
//! grid: 10
//! device: cpu, because WGSL leaves NaN, infinities, the sign of zero and subnormals open (section 15.7.2)
//! in a: f32 = 1 -1 0 inf inf 3.4e38 0x00000001 1e-40 -0 1e38
//! in b: f32 = 0 0 0 inf -inf 3.4e38 0x00000001 1e-40 0 -1e38
//! out sum: f32 = 1 -1 0 inf nan inf 0x00000002 0x00022d84 0 0
//! out product: f32 = 0 -0 0 inf -inf inf 0 0 -0 -inf
//! out quotient: f32 = inf -inf nan nan nan 1 1 1 nan -1

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@group(0) @binding(3) var<storage, read_write> product: array<f32>;
@group(0) @binding(4) var<storage, read_write> quotient: array<f32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
}
