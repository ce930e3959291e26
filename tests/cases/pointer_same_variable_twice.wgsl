// A function that writes through its pointer is called twice in one expression, from left to right.
//! grid: 1
//! out y: u32 = 0x00010002

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn next(n: ptr<function, u32>) -> u32 {
    *n += 1;
    return *n;
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var n = 0u;
    y[0] = next(&n) << 16 | next(&n);
}
