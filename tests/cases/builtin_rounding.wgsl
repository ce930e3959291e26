// floor, ceil, trunc, round (ties to even), fract, on both sides of zero and beyond the integers of f32.
//! grid: 14
//! in x: f32 = 0.5 1.5 2.5 -0.5 -1.5 -2.5 0.25 -0.75 3 -3 8388609 -16777217 1e20 0.99999994
//! out y: f32 =
//!     0 1 2 -1 -2 -3 0 -1 3 -3 8388609 -16777216 1e20 0
//!     1 2 3 -0 -1 -2 1 -0 3 -3 8388609 -16777216 1e20 1
//!     0 1 2 -0 -1 -2 0 -0 3 -3 8388609 -16777216 1e20 0
//!     0 2 2 -0 -2 -2 0 -1 3 -3 8388609 -16777216 1e20 1
//!     0.5 0.5 0.5 0.5 0.5 0.5 0.25 0.25 0 0 0 0 0 0.99999994
//!     ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(14)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = floor(x[i]);
    y[i + 14] = ceil(x[i]);
    y[i + 28] = trunc(x[i]);
    y[i + 42] = round(x[i]);
    y[i + 56] = fract(x[i]);
}
