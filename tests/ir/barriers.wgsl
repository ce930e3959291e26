// Regions: a tree in workgroup memory, with a barrier in a uniform loop.
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    tile[lane] = y[id.x];
    workgroupBarrier();
    for (var width = 32u; width > 0; width >>= 1u) {
        if (lane < width) {
            tile[lane] += tile[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0) {
        y[group.x] = tile[0];
    }
}
