// atomicXor of i32: all invocations on one cell of a buffer, and each workgroup on one of its own memory (section
// Atomic Built-in Functions).
//! grid: 256
//! in x: u32 = hash(256, 5)
//! inout total: i32 = 305419896 -> -484261135
//! out parts: i32 = -833309482 29431247 -1764167730 -1470375330

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: atomic<i32>;
@group(0) @binding(2) var<storage, read_write> parts: array<i32>;
var<workgroup> part: atomic<i32>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    if lane == 0 {
        atomicStore(&part, 305419896);
    }
    workgroupBarrier();
    let value = bitcast<i32>(x[id.x]);
    atomicXor(&total, value);
    atomicXor(&part, value);
    workgroupBarrier();
    if lane == 0 {
        parts[group.x] = atomicLoad(&part);
    }
}
