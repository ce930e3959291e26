// Atomics beyond a buffer's end do nothing and give zero.
//! grid: 8
//! inout cells: u32 = 0*4 -> 1*4
//! out old: u32 = 0*8

@group(0) @binding(0) var<storage, read_write> cells: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> old: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    old[id.x] = atomicAdd(&cells[id.x], 1u);
}
