// Not, and, or, exclusive or as !=, and equality of bool (section Logical Expressions).
//! grid: 4
//! in a: u32 = 0 0 1 1
//! in b: u32 = 0 1 0 1
//! out y: u32 = 17 13 12 22

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let p = a[i] != 0u;
    let q = b[i] != 0u;
    y[i] = u32(!p) | u32(p & q) << 1u | u32(p | q) << 2u | u32(p != q) << 3u | u32(p == q) << 4u;
}
