// Functions that take and give structs and arrays by value.
//! grid: 3
//! out y: u32 = 12 23 34

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
struct Pair {
    a: u32,
    b: array<u32, 2>,
}

fn make(i: u32) -> Pair {
    return Pair(i, array(1u, i * 10));
}

fn total(p: Pair) -> u32 {
    return p.a + p.b[0] + p.b[1] + 1;
}

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var pair = make(i);
    pair.b[1] += 10;
    y[i] = total(pair);
}
