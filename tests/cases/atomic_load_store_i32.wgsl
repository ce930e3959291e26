// atomicStore and atomicLoad of i32 on cells of their own, and through a pointer (section Atomic Built-in
// Functions).
//! grid: 16
//! inout cells: i32 = 0*16 -> seq(16, 3, 2)
//! out y: i32 = seq(16, 3, 2)

@group(0) @binding(0) var<storage, read_write> cells: array<atomic<i32>>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let cell = &cells[id.x];
    atomicStore(cell, i32(id.x * 2 + 3));
    y[id.x] = atomicLoad(cell);
}
