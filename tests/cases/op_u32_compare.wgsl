// The six comparisons of u32, as bits of a word (section Comparison Expressions).
//! grid: 6
//! in a: u32 = 0 0xffffffff 1 0x80000000 5 7
//! in b: u32 = 0 1 0xffffffff 0x7fffffff 5 6
//! out y: u32 = 26 44 35 44 26 44

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
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
