// Barriers in a loop whose bound was read from memory that is also written: WGSL's analysis refuses it, drivers run it, and
// all invocations of a workgroup read the same. The bound of the second loop is another for each workgroup, and is changed
// inside by the last invocation.
//! workgroups: 2
//! inout data: u32 = seq(256) -> each(64, 636 - 4 * i) seq(192, 64, 1)
//! inout info: u32 = 4 3 2 -> 4 0 0
//! out rounds: u32 = 3 2

@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@group(0) @binding(1) var<storage, read_write> info: array<u32>;
@group(0) @binding(2) var<storage, read_write> rounds: array<u32>;
var<workgroup> shared_sum: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) group: vec3u) {
    if group.x == 0 {
        let tiles = info[0];
        var acc = 0u;
        for (var t = 0u; t < tiles; t++) {
            shared_sum[lid.x] = data[t * 64u + lid.x];
            workgroupBarrier();
            acc += shared_sum[63u - lid.x];
            workgroupBarrier();
        }
        data[lid.x] = acc;
    }
    var n = 0u;
    while info[1 + group.x] > 0 {
        storageBarrier();
        if lid.x == 63 { info[1 + group.x] -= 1; }
        n++;
        storageBarrier();
    }
    if lid.x == 63 { rounds[group.x] = n; }
}
