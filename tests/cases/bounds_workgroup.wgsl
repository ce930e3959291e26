// Workgroup memory and atomics out of bounds: reads and results are zero, writes and additions are dropped.
//! grid: 8
//! inout counts: u32 = 5 5 5 -> 6 6 6
//! out y: u32 = 105 105 105 100 0 0 0 0
//! out old: u32 = 5 5 5 0 0 0 0 0

@group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> old: array<u32>;

var<workgroup> tile: array<u32, 4>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    tile[lane] = 100;
    workgroupBarrier();
    let before = atomicAdd(&counts[lane], 1u);
    old[lane] = before;
    y[lane] = tile[lane] + before;
}
