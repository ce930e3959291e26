// Writes far out of bounds are dropped, and other buffers are not touched.
//! grid: 64
//! inout a: u32 = 1*16 -> 7 1*15
//! inout b: u32 = 2*16 -> 2*16
//! inout c: u32 = 3*16 -> 3*16

@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> c: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    a[id.x * 4096] = 7;
    c[id.x * 1000003 + 16] = 7;
    if (id.x < 16) {
        b[id.x] = b[id.x];
    }
}
