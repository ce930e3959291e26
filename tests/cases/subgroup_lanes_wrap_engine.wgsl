// Lanes beyond the subgroup are counted modulo 8.
//! grid: 8
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out far: u32 = 5 6 7 0 1 2 3 4
//! out up: u32 = 7 0 1 2 3 4 5 6
//! out down: u32 = 3 4 5 6 7 0 1 2
//! out crossed: u32 = 1 0 3 2 5 4 7 6

enable subgroups;

@group(0) @binding(0) var<storage, read_write> far: array<u32>;
@group(0) @binding(1) var<storage, read_write> up: array<u32>;
@group(0) @binding(2) var<storage, read_write> down: array<u32>;
@group(0) @binding(3) var<storage, read_write> crossed: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    far[lane] = subgroupShuffle(lane, lane + 805);
    up[lane] = subgroupShuffleUp(lane, 1u);
    down[lane] = subgroupShuffleDown(lane, 3u);
    crossed[lane] = subgroupShuffleXor(lane, 9u);
}
