// Lanes that are not active take no part, and to read from one gives 0.
//! grid: 8
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out sums: u32 = 12 16 12 16 12 16 12 16
//! out read: u32 = 0 0 0 0 0 0 0 0
//! out elected: u32 = 1 1 0 0 0 0 0 0
//! out ballots: u32 = 0x55 0xaa 0x55 0xaa 0x55 0xaa 0x55 0xaa

enable subgroups;

@group(0) @binding(0) var<storage, read_write> sums: array<u32>;
@group(0) @binding(1) var<storage, read_write> read: array<u32>;
@group(0) @binding(2) var<storage, read_write> elected: array<u32>;
@group(0) @binding(3) var<storage, read_write> ballots: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    if lane % 2 == 0 {
        sums[lane] = subgroupAdd(lane);
        read[lane] = subgroupShuffleXor(lane + 1, 1u);
        elected[lane] = u32(subgroupElect());
        ballots[lane] = subgroupBallot().x;
    } else {
        sums[lane] = subgroupAdd(lane);
        read[lane] = subgroupShuffleXor(lane + 1, 1u);
        elected[lane] = u32(subgroupElect());
        ballots[lane] = subgroupBallot().x;
    }
}
