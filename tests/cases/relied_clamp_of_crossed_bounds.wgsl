// WGSL leaves clamp of floats open where the lower bound is above the upper one (section Numeric Built-in Functions): all devices give
// min(max(e, low), high), which is the upper one. See docs/wgsl.md.
//! grid: 4
//! in e: f32 = -9 2.5 9 3
//! in low: f32 = 3 3 3 inf
//! in high: f32 = 2 2 2 -inf
//! out y: f32 = 2 2 2 -inf

@group(0) @binding(0) var<storage, read> e: array<f32>;
@group(0) @binding(1) var<storage, read> low: array<f32>;
@group(0) @binding(2) var<storage, read> high: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = clamp(e[i], low[i], high[i]);
}
