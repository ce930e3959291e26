// A sum for each workgroup, by a tree in workgroup memory.

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

var<workgroup> tile: array<f32, 256>;

@compute @workgroup_size(256)
fn reduce(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    tile[lane] = select(0.0, x[min(id.x, arrayLength(&x) - 1u)], id.x < arrayLength(&x));
    workgroupBarrier();
    for (var width = 128u; width > 0u; width /= 2u) {
        if (lane < width) {
            tile[lane] += tile[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        sums[group.x] = tile[0];
    }
}
