// Barriers under conditions that are the same for a workgroup: of uniforms, of the workgroup's id, nested.
//! workgroups: 4
//! set mode: u32 = 1
//! out y: u32 = 0 1 2 3  7 6 5 4  8 9 10 11  15 14 13 12

@group(0) @binding(0) var<uniform> mode: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 4>;

@compute @workgroup_size(4)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    var value = id.x;
    if (mode == 1) {
        if (group.x % 2 == 1) {
            tile[lane] = value;
            workgroupBarrier();
            value = tile[3 - lane];
        }
    } else {
        value = 99;
        workgroupBarrier();
    }
    y[id.x] = value;
}
