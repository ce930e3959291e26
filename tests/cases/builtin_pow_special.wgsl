// pow with zero, one, infinity, NaN and negative bases; whole powers of whole numbers are close.
//! grid: 14
//! device: cpu, because WGSL leaves these open (sections 15.7.2 and 17.5)
//! in x: f32 = 0 0 0 1 inf inf 2 -2 nan 3 5 2 0.5 1e30
//! in y: f32 = 2 -1 0 inf 2 -2 0 2 1 4 3 -3 127 2
//! out z: f32 = 0 inf 1 1 inf 0 1 nan nan 81 125 0.125 5.877471754111438e-39 inf
//!     ~ ulp 1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(14)
fn main(@builtin(global_invocation_id) id: vec3u) {
    z[id.x] = pow(x[id.x], y[id.x]);
}
