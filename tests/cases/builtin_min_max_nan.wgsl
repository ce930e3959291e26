// min and max with one NaN give the other operand; with two they give NaN.
//! grid: 3
//! device: cpu, because WGSL leaves NaN open (section 15.7.2); the engine does as IEEE 754's minNum
//! in a: f32 = nan 1 nan
//! in b: f32 = 2 nan nan
//! out y: f32 = 2 1 nan  2 1 nan

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = min(a[id.x], b[id.x]);
    y[id.x + 3] = max(a[id.x], b[id.x]);
}
