// atomicCompareExchangeWeak of i32 in storage memory: a counter made of it loses nothing, and says when it wrote
// (section Atomic Built-in Functions).
//! grid: 128
//! out done: u32 = 1*128
//! inout cells: i32 = 0 100 -5 7 -> 32 132 27 39

@group(0) @binding(0) var<storage, read_write> done: array<u32>;
@group(0) @binding(1) var<storage, read_write> cells: array<atomic<i32>>;

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
}
