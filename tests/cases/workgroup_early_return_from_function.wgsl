// Some invocations leave a function early, from a loop behind a barrier; at the next barrier all are there again.
//! grid: 20
//! in x: u32 = 7 9 2 8 8 8 8 8 8 1  5 5 5 5 5 5 5 5 5 5
//! out y: u32 = 2 1001 2000 3006 4005 5004 6003 2 1001 2000
//!     100100 100100 100100 100100 100100 100100 100100 100100 100100 100100

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 10>;

fn distance_to_small(lane: u32) -> u32 {
    workgroupBarrier();
    for (var k = 0u; k < 10; k++) {
        if (tile[(lane + k) % 10] < 3) {
            return k;
        }
    }
    return 100;
}

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    tile[lane] = x[id.x];
    let distance = distance_to_small(lane);
    workgroupBarrier();
    tile[lane] = distance;
    workgroupBarrier();
    y[id.x] = tile[9 - lane] * 1000 + distance;
}
