// exp of f32 is within 3 + 2 |x| ULP (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 0 1 -1 10 -10 0.001
//! out y: f32 = 1 2.718281828459045 0.36787944117144233 22026.465794806718 4.5399929762484854e-05
//!     1.0010005002142532 ~ ulp 3 + 2 * abs(x[i])

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = exp(x[i]);
}
