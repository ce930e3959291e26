// atomicCompareExchangeWeak of i32 leaves a cell alone that holds another value, and gives that value (section
// Atomic Built-in Functions).
//! grid: 4
//! inout cells: i32 = 10 20 30 40 -> 10 20 30 40
//! out old: i32 = 10 20 30 40
//! out exchanged: u32 = 0*4

@group(0) @binding(0) var<storage, read_write> cells: array<atomic<i32>>;
@group(0) @binding(1) var<storage, read_write> old: array<i32>;
@group(0) @binding(2) var<storage, read_write> exchanged: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let result = atomicCompareExchangeWeak(&cells[id.x], 11, 99);
    old[id.x] = result.old_value;
    exchanged[id.x] = u32(result.exchanged);
}
