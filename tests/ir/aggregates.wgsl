// Structs, vectors and matrices as scalars: unused parts are not loaded, padding is not stored.
struct Body { position: vec3f, mass: f32, turn: mat2x2f, name: u32 }

@group(0) @binding(0) var<storage, read> bodies: array<Body>;
@group(0) @binding(1) var<storage, read_write> y: array<vec3f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let body = bodies[id.x];
    let moved = vec3f(body.turn * body.position.xy, body.position.z);
    y[id.x] = moved * body.mass;
}
