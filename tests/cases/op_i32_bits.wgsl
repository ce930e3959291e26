// And, or, exclusive or and complement of i32, bit by bit (section Bit Expressions).
//! grid: 12
//! in a: i32 = 0 1 -1 7 -7 2147483647 -2147483648 -2147483647 65536 -65536 1000003 2147483647
//! in b: i32 = 0 -1 -1 3 3 1 -1 -2147483648 65536 65537 -999983 2147483647
//! out both: i32 = 0 1 -1 3 1 1 -2147483648 -2147483648 65536 65536 65 2147483647
//! out either: i32 = 0 -1 -1 7 -5 2147483647 -1 -2147483647 65536 -65535 -45 2147483647
//! out differ: i32 = 0 -2 0 4 -6 2147483646 2147483647 1 0 -131071 -110 0
//! out flipped: i32 = -1 -2 0 -8 6 -2147483648 2147483647 2147483646 -65537 65535 -1000004 -2147483648

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> both: array<i32>;
@group(0) @binding(3) var<storage, read_write> either: array<i32>;
@group(0) @binding(4) var<storage, read_write> differ: array<i32>;
@group(0) @binding(5) var<storage, read_write> flipped: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    both[i] = a[i] & b[i];
    either[i] = a[i] | b[i];
    differ[i] = a[i] ^ b[i];
    flipped[i] = ~a[i];
}
