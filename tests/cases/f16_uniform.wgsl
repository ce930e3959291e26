// Halves in a uniform, among other members.
//! grid: 2
//! set params.a: f16 = 1.5
//! set params.v: f16 = 2 -4
//! set params.n: u32 = 3
//! out y: f32 = 5 -1

enable f16;

struct Params { a: f16, v: vec2h, n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = f32(params.a + params.v[id.x]) + f32(params.n) * 0.5;
}
