// Atomics out of bounds do nothing and give zero; a comparison with zero then says that it was equal.
//! grid: 4
//! in index: i32 = 0 -1 2 1
//! inout counts: u32 = 5 6 -> 106 207
//! inout fields: i32 = 1 2 3 4 -> 1 12 3 14
//! out added: u32 = 5 0 0 6
//! out old: u32 = 6 0 0 7
//! out equal: u32 = 1 1 1 1
//! out unequal: u32 = 0 0 0 0
//! out loaded: u32 = 106 0 0 207
//! out shared_old: u32 = 3 0 0 4
//! out field: i32 = 2 0 0 4

struct Field { a: i32, count: atomic<i32> }

@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> fields: array<Field>;
@group(0) @binding(3) var<storage, read_write> added: array<u32>;
@group(0) @binding(4) var<storage, read_write> old: array<u32>;
@group(0) @binding(5) var<storage, read_write> equal: array<u32>;
@group(0) @binding(6) var<storage, read_write> unequal: array<u32>;
@group(0) @binding(7) var<storage, read_write> loaded: array<u32>;
@group(0) @binding(8) var<storage, read_write> shared_old: array<u32>;
@group(0) @binding(9) var<storage, read_write> field: array<i32>;

var<workgroup> tile: array<atomic<u32>, 2>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = index[id.x];
    let inside = i == 0 || i == 1;
    added[id.x] = atomicAdd(&counts[i], 1u);
    // What is there, or zero where nothing is.
    let expected = select(0u, u32(i) + 6u, inside);
    let swapped = atomicCompareExchangeWeak(&counts[i], expected, u32(i) * 101u + 106u);
    old[id.x] = swapped.old_value;
    equal[id.x] = u32(swapped.exchanged);
    unequal[id.x] = u32(atomicCompareExchangeWeak(&counts[i], 1u, 2u).exchanged);
    loaded[id.x] = atomicLoad(&counts[i]);
    atomicStore(&tile[i], u32(i) + 3u);
    shared_old[id.x] = atomicMax(&tile[i], 9u);
    field[id.x] = atomicAdd(&fields[i].count, 10);
}
