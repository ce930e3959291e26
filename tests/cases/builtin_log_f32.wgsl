// log of f32 is within 3 ULP, or 2^-21 near 1 (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 1 2 0.1 1000 1e-06 0.75
//! out y: f32 = 0 0.6931471805599453 -2.3025850780928847 6.907755278982137 -13.815510560489031 -0.2876820724517809
//!     ~ ulp 3 abs pow(2, -21)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = log(x[i]);
}
