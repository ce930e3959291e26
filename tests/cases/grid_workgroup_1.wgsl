// One invocation in a workgroup: every id is the workgroup's.
//! grid: 70
//! out y: u32 = each(70, i * 100 + 70)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    if (local.x == 0 && index == 0 && id.x == group.x) {
        y[id.x] = group.x * 100 + groups.x;
    }
}
