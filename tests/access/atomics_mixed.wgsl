//! workgroups: 100
//! elements data: 6400
//! bytes counts: 64
//! bytes last: 4
//! elements own: 6400
@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>, 16>;
@group(0) @binding(2) var<storage, read_write> last: atomic<u32>;
@group(0) @binding(3) var<storage, read_write> own: array<atomic<u32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let value = data[id.x];
    atomicAdd(&counts[value & 15u], 1u);
    atomicMax(&counts[value & 7u], 3u);
    let ticket = atomicAdd(&last, 1u);
    atomicStore(&own[id.x], ticket);
}
