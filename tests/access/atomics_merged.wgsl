//! workgroups: 100
//! elements data: 6400
//! bytes counts: 64
//! elements extremes: 6400
@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>, 16>;
@group(0) @binding(2) var<storage, read_write> extremes: array<atomic<i32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let value = data[id.x];
    atomicAdd(&counts[value & 15u], 1u);
    atomicSub(&counts[0], 2u);
    atomicMin(&extremes[value], i32(value));
}
