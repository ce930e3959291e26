// More than 65,535 workgroups on the z axis; the first of them is the first.
//! workgroups: 1 1 66000
//! inout y: u32 = 0*66000 -> seq(66000, 7, 1)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    y[id.z] = id.z + groups.x + groups.y + 5 + groups.z - 66000;
}
