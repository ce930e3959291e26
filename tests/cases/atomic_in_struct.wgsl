// Atomics among other members, and in a runtime-sized array of structs.
//! grid: 30
//! inout list: u32 = 0 42 0 0  0 0 0 0  0 0
//!     -> 30 42 135 10 145 10 155 10 0 0

struct Bin { sum: atomic<u32>, count: atomic<i32> }
struct List { total: atomic<u32>, fixed: u32, bins: array<Bin> }

@group(0) @binding(0) var<storage, read_write> list: List;

@compute @workgroup_size(15)
fn main(@builtin(global_invocation_id) id: vec3u) {
    atomicAdd(&list.total, 1u);
    let bin = id.x % 3;
    atomicAdd(&list.bins[bin].sum, id.x);
    atomicAdd(&list.bins[bin].count, 1);
    if (list.fixed != 42) {
        atomicStore(&list.total, 0u);
    }
}
