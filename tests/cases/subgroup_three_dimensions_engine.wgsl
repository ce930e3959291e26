// In a workgroup of three dimensions subgroups follow local_invocation_index.
//! workgroups: 2
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out y: u32 = 0 0 0 0 0 0 0 0 8 8 8 8 8 8 8 8 16 16 16 16 16 16 16 16  0 0 0 0 0 0 0 0 8 8 8 8 8 8 8 8 16 16 16
//!     16 16 16 16 16

enable subgroups;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4, 3, 2)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
    y[group.x * 24 + lane] = subgroupMin(lane);
}
