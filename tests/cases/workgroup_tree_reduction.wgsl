// Sums of 64 in a tree, with a barrier in a loop of uniform length; the last workgroup is ragged.
//! workgroups: 4
//! in x: u32 = hash(200, 8)
//! out y: u32 = each(4, u32(sum(k, i * 64, min(i * 64 + 64, 200), x[k])))

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> sums: array<u32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    var mine = 0u;
    if (id.x < arrayLength(&x)) {
        mine = x[id.x];
    }
    sums[lane] = mine;
    workgroupBarrier();
    for (var width = 32u; width > 0; width /= 2) {
        if (lane < width) {
            sums[lane] += sums[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0) {
        y[group.x] = sums[0];
    }
}
