// % of f32 is a - b * trunc(a / b), with the sign of a (section 8.7); exact for these.
//! grid: 10
//! in a: f32 = 7 -7 7 -7 5.5 0.75 -1 9 1024 6.25
//! in b: f32 = 4 4 -4 -4 2 1 0.5 4.5 0.125 2.5
//! out y: f32 = 3 -3 3 -3 1.5 0.75 0 0 0 1.25
//!     ~ abs 0

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = a[id.x] % b[id.x];
}
