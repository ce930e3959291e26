// Places in the subgroup where the workgroup has several dimensions: each invocation has a number of its own in its
// subgroup, and each subgroup one of its own in the workgroup, counted from 0.
//! workgroups: 2
//! out numbered: u32 = 1*96

enable subgroups;
requires subgroup_id;

var<workgroup> seen: array<atomic<u32>, 48>;
@group(0) @binding(0) var<storage, read_write> numbered: array<u32>;

struct Inputs {
    @builtin(subgroup_invocation_id) place: u32,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_size) size: u32,
}

@compute @workgroup_size(8, 3, 2)
fn main(inputs: Inputs, @builtin(subgroup_id) subgroup: u32, @builtin(num_subgroups) subgroups: u32,
        @builtin(workgroup_id) group: vec3u) {
    // Each pair of numbers comes up once.
    let slot = subgroup * inputs.size + inputs.place;
    let good = inputs.place < inputs.size && subgroup < subgroups;
    if good && slot < 48 { atomicAdd(&seen[slot], 1); }
    // All of a subgroup are told its number by the first.
    let same = subgroupBroadcastFirst(subgroup) == subgroup;
    let first = subgroupBroadcastFirst(inputs.place) == 0;
    workgroupBarrier();
    let once = slot >= 48 || atomicLoad(&seen[slot]) == 1;
    numbered[group.x * 48 + inputs.lane] = u32(good && same && first && once);
}
