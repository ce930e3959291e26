// A function with an early return on a uniform value and a barrier behind it.
//! workgroups: 4
//! set limit: u32 = 2
//! out y: u32 = 3 2 1 0  3 2 1 0  100 100 100 100  100 100 100 100

@group(0) @binding(0) var<uniform> limit: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 4>;

fn reversed(group: u32, lane: u32) -> u32 {
    if (group >= limit) {
        return 100;
    }
    tile[lane] = lane;
    workgroupBarrier();
    return tile[3 - lane];
}

@compute @workgroup_size(4)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    y[id.x] = reversed(group.x, lane);
}
