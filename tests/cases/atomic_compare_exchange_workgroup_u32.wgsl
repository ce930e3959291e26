// atomicCompareExchangeWeak of u32 in workgroup memory: a counter made of it loses nothing, and says when it wrote
// (section Atomic Built-in Functions).
//! grid: 128
//! out done: u32 = 1*128
//! out sums: u32 = 16 16 16 16  16 16 16 16

@group(0) @binding(0) var<storage, read_write> done: array<u32>;
var<workgroup> cells: array<atomic<u32>, 4>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
) {
    var old = atomicLoad(&cells[lane % 4]);
    loop {
        let result = atomicCompareExchangeWeak(&cells[lane % 4], old, old + 1);
        if result.exchanged {
            break;
        }
        old = result.old_value;
    }
    done[id.x] = 1u;
    workgroupBarrier();
    if lane < 4 {
        sums[group.x * 4 + lane] = atomicLoad(&cells[lane]);
    }
}
