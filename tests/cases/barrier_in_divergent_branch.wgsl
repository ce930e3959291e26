// A barrier that only some lanes reach is refused.
//! device: cpu, because naga accepts the kernel, and what a GPU makes of it is undefined (section 15.2)
//! error: barrier

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    tile[lane] = lane;
    if (lane < 4) {
        workgroupBarrier(); // refused here
    }
    y[lane] = tile[7 - lane];
}
