// More workgroups on an axis than WebGPU allows in one dispatch (65,535); num_workgroups is the whole.
//! workgroups: 70000
//! out y: u32 = each(70000, i * 3 + 70000)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    y[id.x] = id.x + 2 * group.x + groups.x;
}
