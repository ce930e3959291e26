// 10 whole workgroups of 7; nothing is written past the grid.
//! grid: 70
//! out y: u32 = each(70, (i / 7) * 10000 + (i % 7) * 100 + 10) untouched*3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(7)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    y[id.x] = group.x * 10000 + index * 100 + groups.x;
}
