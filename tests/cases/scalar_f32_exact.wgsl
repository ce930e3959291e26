// + - * / of f32 where the result is exact, so that fusing makes no difference.
//! grid: 8
//! in a: f32 = 1.5 -3 0.25 1e10 16777216 0 -7 1048576
//! in b: f32 = 0.5 2 -8 4 2 5 -0.5 0.0009765625
//! out sum: f32 = 2 -1 -7.75 10000000004 16777218 5 -7.5 1048576.0009765625
//!     ~ ulp 0.5
//! out difference: f32 = 1 -5 8.25 9999999996 16777214 -5 -6.5 1048575.9990234375
//!     ~ ulp 0.5
//! out product: f32 = 0.75 -6 -2 4e10 33554432 0 3.5 1024
//! out negated: f32 = -1.5 3 -0.25 -1e10 -16777216 -0 7 -1048576

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@group(0) @binding(3) var<storage, read_write> difference: array<f32>;
@group(0) @binding(4) var<storage, read_write> product: array<f32>;
@group(0) @binding(5) var<storage, read_write> negated: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    difference[i] = a[i] - b[i];
    product[i] = a[i] * b[i];
    negated[i] = -a[i];
}
