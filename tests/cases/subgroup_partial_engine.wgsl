// A workgroup of 13 has a subgroup of 8 and one of 5.
//! grid: 13
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out sums: u32 = 28*8 50*5
//! out ballots: u32 = 255*8 31*5
//! out sizes: u32 = 2*13

enable subgroups;

@group(0) @binding(0) var<storage, read_write> sums: array<u32>;
@group(0) @binding(1) var<storage, read_write> ballots: array<u32>;
@group(0) @binding(2) var<storage, read_write> sizes: array<u32>;

@compute @workgroup_size(13)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(num_subgroups) groups: u32) {
    sums[lane] = subgroupAdd(lane);
    ballots[lane] = subgroupBallot(true).x;
    sizes[lane] = groups;
}
