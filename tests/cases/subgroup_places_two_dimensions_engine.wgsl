// Places in the subgroup in a workgroup of three dimensions, which depends on an override.
//! workgroups: 1
//! const W = 4
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out place: u32 = 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
//! out subgroup: u32 = 0*8 1*8

enable subgroups;
override W: u32;
@group(0) @binding(0) var<storage, read_write> place: array<u32>;
@group(0) @binding(1) var<storage, read_write> subgroup: array<u32>;

@compute @workgroup_size(2, W, 2)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) s: u32, @builtin(subgroup_invocation_id) i: u32) {
    place[lane] = i;
    subgroup[lane] = s;
}
