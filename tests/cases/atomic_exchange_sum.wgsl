// What comes out of an exchange went in before: the values that came out and the one left add up.
//! grid: 64
//! inout slot: u32 = 1000 -> _
//! inout sum: u32 = 0 -> _
//! out total: u32 = 3016

@group(0) @binding(0) var<storage, read_write> slot: atomic<u32>;
@group(0) @binding(1) var<storage, read_write> sum: atomic<u32>;
@group(0) @binding(2) var<storage, read_write> total: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    atomicAdd(&sum, atomicExchange(&slot, id.x));
    storageBarrier();
    if (id.x == 0) {
        total[0] = atomicLoad(&sum) + atomicLoad(&slot);
    }
}
