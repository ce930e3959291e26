// Built-in functions work on each component of a vector.
//! grid: 2
//! in x: f32 = 4 -9 16 0.25  -1 2.5 -3.5 100
//! out y: f32 = 4 9 16 0.25  1 2.5 3.5 100
//! out z: f32 = 2 0 2 0.25  0 2 0 2
//! out n: i32 = 2 0 4 0  0 1 0 6
//! out s: f32 = 1 -1 1 1  -1 1 -1 1

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> z: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> n: array<vec4i>;
@group(0) @binding(4) var<storage, read_write> s: array<vec4f>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    y[id.x] = abs(v);
    z[id.x] = clamp(v, vec4f(), vec4f(2));
    n[id.x] = firstLeadingBit(max(vec4i(v), vec4i(1)));
    s[id.x] = sign(v);
}
