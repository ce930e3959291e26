// dot4U8Packed and dot4I8Packed.
//! grid: 3
//! in a: u32 = 0x04030201 0xffffffff 0x80ff7f01
//! in b: u32 = 0x01010101 0xffffffff 0x7f0280ff
//! out u: u32 = 10 260100 33277
//! out s: i32 = 10 4 -32515

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;
@group(0) @binding(3) var<storage, read_write> s: array<i32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    u[id.x] = dot4U8Packed(a[id.x], b[id.x]);
    s[id.x] = dot4I8Packed(a[id.x], b[id.x]);
}
