// The same on the y axis, with a workgroup of two lanes along x.
//! workgroups: 1 70000 1
//! out y: u32 = each(140000, (i % 2) * 1000000 + i / 2)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
    y[group.y * 2 + id.x] = id.x * 1000000 + id.y;
}
