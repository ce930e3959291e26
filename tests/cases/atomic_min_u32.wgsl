// atomicMin of u32: all invocations on one cell of a buffer, and each workgroup on one of its own memory (section
// Atomic Built-in Functions).
//! grid: 256
//! in x: u32 = hash(256, 5)
//! inout total: u32 = 0xffffffff -> 0x8b16f2
//! out parts: u32 = 0x23a9891 0x8b16f2 0xca38db 0x4196fe8

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
        atomicStore(&part, 4294967295u);
    }
    workgroupBarrier();
    let value = x[id.x];
    atomicMin(&total, value);
    atomicMin(&part, value);
    workgroupBarrier();
    if lane == 0 {
        parts[group.x] = atomicLoad(&part);
    }
}
