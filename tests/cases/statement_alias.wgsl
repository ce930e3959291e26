// Type aliases, attributes on members, explicit alignment and size.
//! grid: 2
//! inout y: u32 = 1 0 0 0  2 0 0 0  3 0 0 0 0 0 0 0  4 0 0 0  5 0 0 0  6 0 0 0 0 0 0 0
//!     -> 1 0 0 0  2 0 0 0  6 0 0 0 0 0 0 0  4 0 0 0  5 0 0 0  15 0 0 0 0 0 0 0

alias Word = u32;

struct Wide {
    @size(16) a: Word,
    @align(16) b: Word,
    @align(16) @size(32) c: Word,
}

@group(0) @binding(0) var<storage, read_write> y: array<Wide>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let wide = y[id.x];
    y[id.x].c = wide.a + wide.b + wide.c;
}
