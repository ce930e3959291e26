// @size and @align move members, and the rest of the struct with them (section Memory Layout).
//! grid: 1
//! inout s: u32 = 1 0 0 0  0 0 0 0  2 0 0 0  3 0 0 0  4 5 6 0  0 0 0 0 -> 10 0 0 0  0 0 0 0  20 0 0 0  30 0 0 0  40
//!     50 60 0  0 0 0 0

struct S {
    a: u32,
    @align(32) b: u32,
    @size(4) @align(16) c: u32,
    @align(16) v: vec3u,
}

@group(0) @binding(0) var<storage, read_write> s: S;

@compute @workgroup_size(1)
fn main() {
    s.a *= 10;
    s.b *= 10;
    s.c *= 10;
    s.v *= 10;
}
