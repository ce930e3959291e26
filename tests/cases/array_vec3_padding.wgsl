// Elements of array<vec3f> stand 16 bytes apart; what lies between them is left alone.
//! grid: 3
//! in x: f32 = 1 2 3 -1  4 5 6 -1  7 8 9 -1
//! inout y: f32 = 0.5*12 -> 2 4 6 0.5  8 10 12 0.5  14 16 18 0.5

@group(0) @binding(0) var<storage, read> x: array<vec3f, 3>;
@group(0) @binding(1) var<storage, read_write> y: array<vec3f>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = 2.0 * x[id.x];
}
