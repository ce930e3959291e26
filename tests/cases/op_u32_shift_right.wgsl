// Shifts of u32 to the right: zeros come in from the left; the amount counts modulo 32 (section Bit Expressions).
//! grid: 12
//! in a: u32 = 0 1 0xffffffff 7 0x80000000 0xffffffff 65536 65536 0x75bcd15 0xffffffff 3 0x80000000
//! in s: u32 = 0 1 4 31 32 33 63 64 0xffffffff 16 0x80000000 31
//! out y: u32 = 0 0 0xfffffff 0 0x80000000 0x7fffffff 0 65536 0 65535 3 1

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> s: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] >> s[i];
}
