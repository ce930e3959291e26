// Fields of structs that lie one after the other are loaded in rows and turned by shuffles.
//! grid: 512
//! in p: f32 = seq(2048)
//! out y: f32 = each(512, p[4 * i] * 2 + p[4 * i + 1] * 3 + p[4 * i + 2] * 5 + p[4 * i + 3])
//! asm loop has: vunpcklps x16; vunpckhps x16; vinsertf128 x32; vfmadd x16 lacks: vpgather; vpmaskmov; vptest

struct Particle { x: f32, y: f32, z: f32, mass: f32 }

@group(0) @binding(0) var<storage, read> p: array<Particle>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let q = p[id.x];
    y[id.x] = q.x * 2.0 + q.y * 3.0 + q.z * 5.0 + q.mass;
}
