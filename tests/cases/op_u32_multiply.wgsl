// Multiplication of u32 keeps the low 32 bits (section Arithmetic Expressions).
//! grid: 12
//! in a: u32 = 0 1 0xffffffff 7 0x80000000 0xffffffff 65536 65536 0x75bcd15 0xffffffff 3 0x80000000
//! in b: u32 = 0 0xffffffff 1 3 0x80000000 0xffffffff 65536 65535 0x3ade68b1 2 7 2
//! out y: u32 = 0 0xffffffff 0xffffffff 21 0 1 0 0xffff0000 0xfbff5385 0xfffffffe 21 0

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] * b[i];
}
