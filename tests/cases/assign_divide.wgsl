// The compound assignment /= to a variable, to an element of a buffer and to a vector (section Statements, Compound
// Assignment).
//! grid: 1
//! inout y: u32 = 0*4 -> 3 3 3 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var a = 10u;
    a /= 3u;
    y[0] = a;
    y[1] = 10u;
    y[1] /= 3u;
    var v = vec2u(10u, 11u);
    v /= 3u;
    y[2] = v.x;
    y[3] = v.y;
}
