// A condition computed from what memory held before a barrier, which has changed where the condition is used.
//! workgroups: 1
//! inout limits: u32 = 0 1 2 3 4 5 6 7 -> 20 20 20 20 20 20 20 20
//! out y: u32 = 0 0 0 0 0 0 0 0
//! inout z: u32 = 7*8 -> 7*8

@group(0) @binding(0) var<storage, read_write> limits: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> z: array<u32>;

var<workgroup> exchanged: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) lane: u32) {
    let limit = limits[0];
    let below = lane < limit;
    exchanged[lane] = 1u;
    workgroupBarrier();
    y[lane] = limit;
    workgroupBarrier();
    limits[lane] = 20u;
    workgroupBarrier();
    if below { z[lane] = exchanged[lane] + lane; }
}
