// let pointers into a buffer keep the place they were made with.
//! grid: 4
//! inout y: u32 = 0*4 -> each(4, 5 + i)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var at = i;
    let p = &y[at];
    at = 0;
    *p = 5;
    let q = &(*p);
    *q += i;
}
