// A workgroup of 8 x 8 x 16 lanes: each lane's index is x + 8 y + 64 z.
//! workgroups: 1 2 1
//! out y: u32 = each(2048, i % 1024)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8, 8, 16)
fn main(
    @builtin(local_invocation_id) local: vec3u,
    @builtin(local_invocation_index) index: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    y[group.y * 1024 + local.x + 8 * local.y + 64 * local.z] = index;
}
