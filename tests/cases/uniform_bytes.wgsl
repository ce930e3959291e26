// A whole uniform as it lies in memory: mat3x3 columns take 16 bytes each.
//! grid: 3
//! uniform params: f32 = 1 2 3 0  4 5 6 0  7 8 9 0  u32 2 0 0 0
//! out y: f32 = 2 10 18

struct Params { m: mat3x3f, factor: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = params.m[id.x][id.x] * f32(params.factor);
}
