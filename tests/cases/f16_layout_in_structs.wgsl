// Members of halves in a struct: alignments of 2, 4 and 8 bytes (section Memory Layout).
//! grid: 1
//! inout s: f16 = 1 0  2 3  4 5 6 0  7 8  9 10  11 12  0 0 -> 2 0  4 6  8 10 12 0  14 16  18 20  22 24  0 0

enable f16;

struct S {
    a: f16,
    b: vec2<f16>,
    c: vec3<f16>,
    m: mat2x2<f16>,
    last: array<f16, 2>,
}

@group(0) @binding(0) var<storage, read_write> s: S;

@compute @workgroup_size(1)
fn main() {
    s.a *= 2;
    s.b *= 2;
    s.c *= 2;
    s.m *= 2;
    s.last[0] *= 2;
    s.last[1] *= 2;
}
