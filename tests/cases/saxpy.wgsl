// The classic, over a length that no workgroup divides.
//! grid: 70
//! set params.a: f32 = 2.5
//! set params.n: u32 = 70
//! in x: f32 = seq(70)
//! inout y: f32 = seq(70, 100, -1)
//!     -> each(70, 2.5 * x[i] + y[i])

struct Params { a: f32, n: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn saxpy(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= params.n) {
        return;
    }
    y[i] = params.a * x[i] + y[i];
}
