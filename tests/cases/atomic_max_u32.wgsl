// atomicMax of u32: all invocations on one cell of a buffer, and each workgroup on one of its own memory (section
// Atomic Built-in Functions).
//! grid: 256
//! in x: u32 = hash(256, 5)
//! inout total: u32 = 0 -> 0xff9afbb0
//! out parts: u32 = 0xfa016e3f 0xff9afbb0 0xf8e28bb4 0xf943489b

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: atomic<u32>;
@group(0) @binding(2) var<storage, read_write> parts: array<u32>;
var<workgroup> part: atomic<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    if lane == 0 {
        atomicStore(&part, 0u);
    }
    workgroupBarrier();
    let value = x[id.x];
    atomicMax(&total, value);
    atomicMax(&part, value);
    workgroupBarrier();
    if lane == 0 {
        parts[group.x] = atomicLoad(&part);
    }
}
