// Matrices of every column count in uniforms, where two-row columns take 8 bytes and three-row ones 16.
//! grid: 1
//! uniform p: f32 = 1 2 3 4 5 6 0 0  1 2 3 0 4 5 6 0  seq(16, 1, 1)
//! out y: f32 = 22 28 14 32 30 70 110 150
//! out z: f32 = 90 100 110 120

struct Params { a: mat3x2f, b: mat2x3f, c: mat4x4f }

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: vec4f;

@compute @workgroup_size(1)
fn main() {
    let v = vec3f(1, 2, 3);
    let a = p.a * v;
    y[0] = a.x;
    y[1] = a.y;
    let b = v * p.b;
    y[2] = b.x;
    y[3] = b.y;
    let c = vec4f(1, 2, 3, 4) * p.c;
    y[4] = c.x;
    y[5] = c.y;
    y[6] = c.z;
    y[7] = c.w;
    z = p.c * vec4f(1, 2, 3, 4);
}
