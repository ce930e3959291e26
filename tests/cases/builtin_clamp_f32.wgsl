// clamp of f32 gives the middle of three numbers (section Numeric Built-in Functions).
//! grid: 5
//! in e: f32 = -3 0.5 7 2 1
//! in low: f32 = -1 0 -1 0 1
//! in high: f32 = 1 1 4 2 1
//! out y: f32 = -1 0.5 4 2 1

@group(0) @binding(0) var<storage, read> e: array<f32>;
@group(0) @binding(1) var<storage, read> low: array<f32>;
@group(0) @binding(2) var<storage, read> high: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = clamp(e[i], low[i], high[i]);
}
