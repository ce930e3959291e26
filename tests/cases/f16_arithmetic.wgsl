// Halves are rounded after every operation: exact results, and 2049 which lies between 2048 and 2050.
//! grid: 6
//! in a: f16 = 1.5 -2 2048 0.25 100 1000
//! in b: f16 = 0.5 4 1 -8 0.5 24
//! out sum: f16 = 2 2 2048 -7.75 100.5 1024
//!     ~ ulp 0.5
//! out product: f16 = 0.75 -8 2048 -2 50 24000
//! out quotient: f16 = 3 -0.5 2048 -0.03125 200 each(1, 1000 / 24.0)
//!     ~ ulp 2.5
//! out negated: f16 = -1.5 2 -2048 -0.25 -100 -1000

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> sum: array<f16>;
@group(0) @binding(3) var<storage, read_write> product: array<f16>;
@group(0) @binding(4) var<storage, read_write> quotient: array<f16>;
@group(0) @binding(5) var<storage, read_write> negated: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
    negated[i] = -a[i];
}
