// The right side is evaluated before anything is written: components of a vector swap.
//! grid: 1
//! out y: u32 = 2 1 4 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var v = vec4u(1, 2, 3, 4);
    v = v.yxwz;
    y[0] = v.x;
    y[1] = v.y;
    y[2] = v.z;
    y[3] = v.w;
}
