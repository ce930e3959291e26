// countOneBits, leading and trailing zeros, first bits, reversal, of u32 and of i32.
//! grid: 8
//! in x: u32 = 0 1 0x80000000 0xffffffff 0x00f0 0x7fffffff 0xfffffffe 0xdeadbeef
//! out u: u32 =
//!     0 1 1 32 4 31 31 24
//!     32 31 0 0 24 1 0 0
//!     32 0 31 0 4 0 1 0
//!     0xffffffff 0 31 31 7 30 31 31
//!     0xffffffff 0 31 0 4 0 1 0
//!     0 0x80000000 1 0xffffffff 0x0f000000 0xfffffffe 0x7fffffff 0xf77db57b
//! out s: i32 =
//!     0 1 1 32 4 31 31 24
//!     32 31 0 0 24 1 0 0
//!     32 0 31 0 4 0 1 0
//!     -1 0 30 -1 7 30 0 29
//!     -1 0 31 0 4 0 1 0
//!     0 0x80000000 1 -1 0x0f000000 0xfffffffe 0x7fffffff 0xf77db57b

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> u: array<u32>;
@group(0) @binding(2) var<storage, read_write> s: array<i32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = x[i];
    u[i] = countOneBits(v);
    u[i + 8] = countLeadingZeros(v);
    u[i + 16] = countTrailingZeros(v);
    u[i + 24] = firstLeadingBit(v);
    u[i + 32] = firstTrailingBit(v);
    u[i + 40] = reverseBits(v);
    let w = bitcast<i32>(v);
    s[i] = countOneBits(w);
    s[i + 8] = countLeadingZeros(w);
    s[i + 16] = countTrailingZeros(w);
    s[i + 24] = firstLeadingBit(w);
    s[i + 32] = firstTrailingBit(w);
    s[i + 40] = reverseBits(w);
}
