// As barrier_bound_of_memory, after the first invocations have returned.
//! workgroups: 2
//! device: cpu, because WGSL has no barriers behind returns of some invocations
//! inout info: u32 = 3 2 -> 0 0
//! out rounds: u32 = 3 2

@group(0) @binding(0) var<storage, read_write> info: array<u32>;
@group(0) @binding(1) var<storage, read_write> rounds: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) group: vec3u) {
    if lid.x < 10 { return; }
    var n = 0u;
    while info[group.x] > 0 {
        storageBarrier();
        if lid.x == 63 { info[group.x] -= 1; }
        n++;
        storageBarrier();
    }
    if lid.x == 63 { rounds[group.x] = n; }
}
