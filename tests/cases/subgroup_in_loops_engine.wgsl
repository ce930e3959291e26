// Subgroup operations in a loop that lanes leave one after the other see those that are left.
//! grid: 8
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! out y: u32 = 8 15 21 26 30 33 35 36

enable subgroups;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0u;
    for (var k = 0u; k <= lane; k++) {
        sum += countOneBits(subgroupBallot(true).x);
    }
    y[lane] = sum;
}
