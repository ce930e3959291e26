// Pointers in `let`, to parts of buffers, workgroup memory and locals; the index is taken once.
//! grid: 3
//! inout rows: u32 = 1 2 3 4  5 6 7 8  9 10 11 12 -> 1 12 3 4  5 16 7 8  9 20 11 12
//! out y: u32 = 12 16 20

@group(0) @binding(0) var<storage, read_write> rows: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 3>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var i = id.x;
    let row = &rows[i];
    let slot = &tile[i];
    i = 99;
    (*row).y += 10;
    *slot = (*row)[1];
    var local = array<u32, 3>(0, 0, 0);
    let part = &local[id.x];
    *part = *slot;
    y[id.x] = local[id.x];
}
