// frexp of f16: a fraction from 1/2 up to 1, and the power of two (section Numeric Built-in Functions).
//! grid: 6
//! in x: f16 = 1 0.5 -3 10 -0.375 1024
//! out fraction: f16 = 0.5 0.5 -0.75 0.625 -0.75 0.5
//! out exponent: i32 = 1 0 2 4 -1 11

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> fraction: array<f16>;
@group(0) @binding(2) var<storage, read_write> exponent: array<i32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    fraction[i] = frexp(x[i]).fract;
    exponent[i] = frexp(x[i]).exp;
}
