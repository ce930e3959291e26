// storageBarrier orders accesses to a buffer among the lanes of a workgroup.
//! grid: 64
//! inout x: u32 = seq(64) -> each(64, (i + 1) % 64 + 100)

@group(0) @binding(0) var<storage, read_write> x: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    x[id.x] += 100;
    storageBarrier();
    let next = x[(id.x + 1) % 64];
    storageBarrier();
    x[id.x] = next;
}
