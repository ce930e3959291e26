// An index past an array's end in workgroup memory touches nothing beside it.
//! grid: 4
//! out y: u32 = 1 2 0 0  77 77 77 77

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
var<workgroup> pairs: array<vec2u, 2>;
var<workgroup> beside: array<u32, 4>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    beside[i] = 77;
    workgroupBarrier();
    pairs[i].x = i + 1;
    workgroupBarrier();
    y[i] = pairs[i].x;
    y[4 + i] = beside[i];
}
