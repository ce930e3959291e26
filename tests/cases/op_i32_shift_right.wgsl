// Shifts of i32 to the right: the sign comes in from the left; the amount counts modulo 32 (section Bit
// Expressions).
//! grid: 12
//! in a: i32 = 0 1 -1 7 -7 2147483647 -2147483648 -2147483647 65536 -65536 1000003 2147483647
//! in s: u32 = 0 1 4 31 32 33 63 64 0xffffffff 16 0x80000000 31
//! out y: i32 = 0 0 -1 0 -7 1073741823 -1 -2147483647 0 -1 1000003 0

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> s: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] >> s[i];
}
