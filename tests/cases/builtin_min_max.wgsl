// min, max, clamp, saturate, step, sign, abs of f32, infinities included.
//! grid: 6
//! in a: f32 = 1 -2 0.5 inf -inf 1e-20
//! in b: f32 = 2 -3 0.5 5 5 -1e-20
//! out y: f32 = 1 -3 0.5 5 -inf -1e-20  2 -2 0.5 inf 5 1e-20  1 -1 0.5 2 -1 1e-20  1 0 0.5 1 0 1e-20
//!     1 0 1 0 1 0  1 -1 1 1 -1 1  1 2 0.5 inf inf 1e-20

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = min(a[i], b[i]);
    y[i + 6] = max(a[i], b[i]);
    y[i + 12] = clamp(a[i], -1.0, 2.0);
    y[i + 18] = saturate(a[i]);
    y[i + 24] = step(a[i], b[i]);
    y[i + 30] = sign(a[i]);
    y[i + 36] = abs(a[i]);
}
