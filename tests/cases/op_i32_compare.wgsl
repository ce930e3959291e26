// The six comparisons of i32, as bits of a word (section Comparison Expressions).
//! grid: 8
//! in a: i32 = 0 -1 1 -2147483648 2147483647 5 -5 2147483647
//! in b: i32 = 0 1 -1 2147483647 -2147483648 5 -4 2147483647
//! out y: u32 = 26 35 44 35 44 26 35 26

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var bits = 0u;
    bits |= u32(a[i] < b[i]) << 0u;
    bits |= u32(a[i] <= b[i]) << 1u;
    bits |= u32(a[i] > b[i]) << 2u;
    bits |= u32(a[i] >= b[i]) << 3u;
    bits |= u32(a[i] == b[i]) << 4u;
    bits |= u32(a[i] != b[i]) << 5u;
    y[i] = bits;
}
