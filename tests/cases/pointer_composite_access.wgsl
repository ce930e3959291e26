// A pointer to a struct, vector or array is accessed without a star (language extension pointer_composite_access).
//! grid: 1
//! out y: u32 = 1 20 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
struct Pair {
    v: vec2u,
    list: array<u32, 2>,
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var pair = Pair(vec2u(1, 2), array(3u, 4u));
    let p = &pair;
    p.v.y = 20;
    let list = &p.list;
    list[1]++;
    y[0] = p.v.x;
    y[1] = p.v[1];
    y[2] = list[0];
}
