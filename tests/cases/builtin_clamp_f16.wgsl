// clamp of f16 gives the middle of three numbers (section Numeric Built-in Functions).
//! grid: 6
//! in e: f16 = -3 0.5 7 2 1 -3
//! in low: f16 = -1 0 -1 0 1 -1
//! in high: f16 = 1 1 4 2 1 1
//! out y: f16 = -1 0.5 4 2 1 -1

enable f16;

@group(0) @binding(0) var<storage, read> e: array<f16>;
@group(0) @binding(1) var<storage, read> low: array<f16>;
@group(0) @binding(2) var<storage, read> high: array<f16>;
@group(0) @binding(3) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = clamp(e[i], low[i], high[i]);
}
