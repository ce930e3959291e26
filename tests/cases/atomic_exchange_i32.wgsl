// atomicExchange of i32: what goes in comes out once, but for the last (section Atomic Built-in Functions).
//! grid: 128
//! inout cell: i32 = 0 -> _
//! inout seen: u32 = 0*129 -> _*129
//! out twice: u32 = 0*128

@group(0) @binding(0) var<storage, read_write> cell: atomic<i32>;
@group(0) @binding(1) var<storage, read_write> seen: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> twice: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let old = atomicExchange(&cell, i32(id.x + 1));
    twice[id.x] = atomicAdd(&seen[old], 1u);
}
