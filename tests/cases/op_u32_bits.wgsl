// And, or, exclusive or and complement of u32, bit by bit (section Bit Expressions).
//! grid: 12
//! in a: u32 = 0 1 0xffffffff 7 0x80000000 0xffffffff 65536 65536 0x75bcd15 0xffffffff 3 0x80000000
//! in b: u32 = 0 0xffffffff 1 3 0x80000000 0xffffffff 65536 65535 0x3ade68b1 2 7 2
//! out both: u32 = 0 1 1 3 0x80000000 0xffffffff 65536 0 0x25a4811 2 3 0
//! out either: u32 = 0 0xffffffff 0xffffffff 7 0x80000000 0xffffffff 65536 0x1ffff 0x3fdfedb5 0xffffffff 7 0x80000002
//! out differ: u32 = 0 0xfffffffe 0xfffffffe 4 0 0 0 0x1ffff 0x3d85a5a4 0xfffffffd 4 0x80000002
//! out flipped: u32 = 0xffffffff 0xfffffffe 0 0xfffffff8 0x7fffffff 0 0xfffeffff 0xfffeffff 0xf8a432ea 0 0xfffffffc
//!     0x7fffffff

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> both: array<u32>;
@group(0) @binding(3) var<storage, read_write> either: array<u32>;
@group(0) @binding(4) var<storage, read_write> differ: array<u32>;
@group(0) @binding(5) var<storage, read_write> flipped: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    both[i] = a[i] & b[i];
    either[i] = a[i] | b[i];
    differ[i] = a[i] ^ b[i];
    flipped[i] = ~a[i];
}
