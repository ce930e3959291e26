// `@align` of a member raises the alignment of its struct (section Alignment and Size): an Inner takes 64 bytes and starts
// at a multiple of 64, in a struct, in an array and behind another member.
//! workgroups: 1
//! inout plain: u32 = 0*32 -> 0*16 42 0*15
//! inout rows: u32 = 0*64 -> 0*16 1 0*15 2 0*15 3 0*15
//! in given: u32 = seq(32)
//! out found: u32 = 0 12 26 28

struct Inner { @align(64) x: u32 }
struct Outer { a: u32, inner: Inner }
struct Rows { a: u32, inner: array<Inner, 3> }
const STEP = 16;
struct Sized { @size(20) a: u32, @align(STEP) b: vec2u, c: u32 }
struct Read { a: u32, s: array<Sized, 2>, last: u32 }

@group(0) @binding(0) var<storage, read_write> plain: Outer;
@group(0) @binding(1) var<storage, read_write> rows: Rows;
@group(0) @binding(2) var<storage, read> given: Read;
@group(0) @binding(3) var<storage, read_write> found: array<u32>;

@compute @workgroup_size(1) fn main() {
    plain.inner.x = 42;
    for (var i = 0; i < 3; i++) { rows.inner[i].x = u32(i) + 1; }
    // Sized takes 48 bytes: `b` at 32, `c` at 40. Its array starts at 16, and `last` stands at 112.
    found[0] = given.a;
    found[1] = given.s[0].b.x;
    found[2] = given.s[1].c;
    found[3] = given.last;
}
