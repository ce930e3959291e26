// Atomic and plain members of structs side by side, in a buffer and in workgroup memory (section Atomic Built-in
// Functions).
//! grid: 64
//! inout tallies: u32 = 0 0 0 0 0 0 0 0 -> 16 0 16 1 16 2 16 3
//! out y: u32 = 16 16 16 16

struct Tally {
    count: atomic<u32>,
    name: u32,
}

@group(0) @binding(0) var<storage, read_write> tallies: array<Tally, 4>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
var<workgroup> own: array<Tally, 4>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    let k = lane % 4;
    atomicAdd(&tallies[k].count, 1u);
    tallies[k].name = k;
    atomicAdd(&own[k].count, 1u);
    workgroupBarrier();
    if lane < 4 {
        y[lane] = atomicLoad(&own[lane].count);
    }
}
