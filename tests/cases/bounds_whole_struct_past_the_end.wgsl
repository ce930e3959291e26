// A struct past the end of a buffer is zero in all its members, and writes none of them.
//! grid: 3
//! inout v: u32 = 1 2 3 4 -> 11 12 13 14
//! out y: u32 = 1 2 3 4 0 0

struct Pair {
    a: u32,
    b: u32,
}

@group(0) @binding(0) var<storage, read_write> v: array<Pair>;
@group(0) @binding(1) var<storage, read_write> y: array<Pair>;

@compute @workgroup_size(3)
fn main(@builtin(local_invocation_index) i: u32) {
    let pair = v[i];
    y[i] = pair;
    v[i] = Pair(pair.a + 10, pair.b + 10);
}
