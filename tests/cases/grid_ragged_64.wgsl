// The grid is rounded up to whole workgroups: 70 invocations become 128.
//! grid: 70
//! out y: u32 = seq(128) untouched*2
//! inout count: u32 = 0 -> 128

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> count: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    atomicAdd(&count, 1u);
    y[id.x] = id.x;
}
