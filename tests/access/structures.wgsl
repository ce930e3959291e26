//! workgroups: 5
//! bytes bodies: 10240
//! bytes list: 5156
//! elements out: 320
struct Body { position: vec3f, mass: f32, links: array<vec2u, 2> }
struct List { head: array<u32, 9>, items: array<vec4f> }
@group(0) @binding(0) var<storage, read> bodies: array<Body>;
@group(0) @binding(1) var<storage, read> list: List;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    out[i] = bodies[i].mass + f32(bodies[i].links[i & 1u].y) + list.items[i].z + f32(list.head[i % 9u]);
}
