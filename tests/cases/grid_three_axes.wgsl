// All ids of a workgroup of 4 x 3 x 2 in a grid of 5 x 4 x 3 invocations, which is 2 x 2 x 2 workgroups.
//! grid: 5 4 3
//! out y: u32 = each(192,
//!     (i % 8) + 10 * ((i / 8) % 6) + 100 * (i / 48))
//! out local: u32 = each(192,
//!     (i % 8) % 4 + 10 * (((i / 8) % 6) % 3) + 100 * ((i / 48) % 2) + 1000 * ((i % 8) / 4)
//!     + 10000 * (((i / 8) % 6) / 3) + 100000 * ((i / 48) / 2))
//! out index: u32 = each(192, (i % 8) % 4 + 4 * (((i / 8) % 6) % 3) + 12 * ((i / 48) % 2) + 222000)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> local: array<u32>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;

@compute @workgroup_size(4, 3, 2)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_id) lane: vec3u,
    @builtin(local_invocation_index) lane_index: u32,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let at = (id.z * 6 + id.y) * 8 + id.x;
    y[at] = id.x + 10 * id.y + 100 * id.z;
    local[at] = lane.x + 10 * lane.y + 100 * lane.z + 1000 * group.x + 10000 * group.y + 100000 * group.z;
    index[at] = lane_index + 1000 * (groups.x + 10 * groups.y + 100 * groups.z);
}
