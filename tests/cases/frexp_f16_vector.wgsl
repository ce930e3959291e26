// frexp of vectors of halves: fractions and exponents side by side.
//! grid: 1
//! in x: f16 = 0.5 -3 10 1024
//! out f: f16 = 0.5 -0.75 0.625 0.5
//! out e: i32 = 0 2 4 11

enable f16;

@group(0) @binding(0) var<storage, read> x: vec4<f16>;
@group(0) @binding(1) var<storage, read_write> f: vec4<f16>;
@group(0) @binding(2) var<storage, read_write> e: vec4i;

@compute @workgroup_size(1)
fn main() {
    let parts = frexp(x);
    f = parts.fract;
    e = parts.exp;
}
