// The extent in workgroups, on the y axis.
//! workgroups: 1 5 1
//! out y: u32 = each(15, i * 2) untouched

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1, 3, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.y] = id.y * 2;
}
