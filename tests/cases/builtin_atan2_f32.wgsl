// atan2 of f32 in all four quadrants is within 4096 ULP (section Floating Point Accuracy).
//! grid: 5
//! in y: f32 = 1 -1 2 -3 0.5
//! in x: f32 = 1 1 -2 -1 4
//! out angle: f32 = 0.7853981633974483 -0.7853981633974483 2.356194490192345 -1.892546881191539 0.12435499454676144
//!     ~ ulp 4096

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> angle: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    angle[i] = atan2(y[i], x[i]);
}
