// A uniform that is no struct, and one that is a vector.
//! grid: 3
//! set factor: u32 = 7
//! set offset: i32 = -1 -2 -3
//! out y: i32 = -1 5 11

@group(0) @binding(0) var<uniform> factor: u32;
@group(0) @binding(1) var<uniform> offset: vec3i;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = i32(id.x * factor) + offset[id.x];
}
