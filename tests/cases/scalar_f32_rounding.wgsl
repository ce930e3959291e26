// Sums, differences and products are rounded correctly, quotients to 2.5 ULP (section 15.7.4).
//! grid: 256
//! in a: f32 = hash(128, 5) each(128, 1e-3 * (i * i - 77 * i) + 1e-7)
//! in b: f32 = each(256, 0.1 + i * i * 0.37)
//! out sum: f32 = each(256, a[i] + b[i])
//! out difference: f32 = each(256, a[i] - b[i])
//! out product: f32 = each(256, a[i] * b[i])
//! out quotient: f32 = each(256, a[i] / b[i])
//!     ~ ulp 2.5

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@group(0) @binding(3) var<storage, read_write> difference: array<f32>;
@group(0) @binding(4) var<storage, read_write> product: array<f32>;
@group(0) @binding(5) var<storage, read_write> quotient: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    difference[i] = a[i] - b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
}
