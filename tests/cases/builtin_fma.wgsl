// fma and the contraction of a product and a sum: any rounding of either is within an ULP of the larger term.
//! grid: 64
//! in a: f32 = hash(64, 1)
//! in b: f32 = hash(64, 2)
//! in c: f32 = hash(64, 3)
//! out y: f32 = each(64, a[i] * b[i] + c[i])
//!     ~ abs (abs(a[i] * b[i]) + abs(c[i])) * 1.2e-7
//! out z: f32 = each(64, a[i] * b[i] - c[i])
//!     ~ abs (abs(a[i] * b[i]) + abs(c[i])) * 1.2e-7
//! out w: f32 = each(64, c[i] - a[i] * b[i])
//!     ~ abs (abs(a[i] * b[i]) + abs(c[i])) * 1.2e-7

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;
@group(0) @binding(5) var<storage, read_write> w: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fma(a[i], b[i], c[i]);
    z[i] = a[i] * b[i] - c[i];
    w[i] = c[i] - a[i] * b[i];
}
