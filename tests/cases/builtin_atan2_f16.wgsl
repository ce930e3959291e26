// atan2 of f16 in all four quadrants is within 5 ULP (section Floating Point Accuracy).
//! grid: 6
//! in y: f16 = 1 -1 2 -3 0.5 1
//! in x: f16 = 1 1 -2 -1 4 1
//! out angle: f16 = 0.7853981633974483 -0.7853981633974483 2.356194490192345 -1.892546881191539 0.12435499454676144
//!     0.7853981633974483 ~ ulp 5

enable f16;

@group(0) @binding(0) var<storage, read> y: array<f16>;
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read_write> angle: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    angle[i] = atan2(y[i], x[i]);
}
