// select by a vector of conditions, and by one condition for all.
//! grid: 4
//! out y: u32 = 10 20 10 20

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = select(vec4u(10), vec4u(20), vec4<bool>(false, true, false, true));
    let w = select(v, vec4u(30), i > 9);
    y[i] = w[i];
}
