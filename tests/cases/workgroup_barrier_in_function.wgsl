// A function with barriers, called twice; values of the caller live across them.
//! grid: 12
//! in x: u32 = 1 2 3 4  5 6 7 8  9 10 11 12
//! out y: u32 = 101 202 303 404  505 606 707 808  909 1010 1111 1212

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 4>;

fn rotate(value: u32, lane: u32, by: u32) -> u32 {
    tile[lane] = value;
    workgroupBarrier();
    let other = tile[(lane + by) % 4];
    workgroupBarrier();
    return other;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let mine = x[id.x];
    let next = rotate(mine, lane, 1);
    let back = rotate(next, lane, 3);
    y[id.x] = 100 * back + mine;
}
