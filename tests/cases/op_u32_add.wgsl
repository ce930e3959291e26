// Addition of u32 wraps (section Arithmetic Expressions).
//! grid: 12
//! in a: u32 = 0 1 0xffffffff 7 0x80000000 0xffffffff 65536 65536 0x75bcd15 0xffffffff 3 0x80000000
//! in b: u32 = 0 0xffffffff 1 3 0x80000000 0xffffffff 65536 65535 0x3ade68b1 2 7 2
//! out y: u32 = 0 0 0 10 0 0xfffffffe 0x20000 0x1ffff 0x423a35c6 1 10 0x80000002

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] + b[i];
}
