// Built-in functions of halves.
//! grid: 5
//! in x: f16 = 0.25 1 2.5 4 9 0
//! out y: f16 = 0.5 1 each(1, sqrt(2.5)) 2 3  0 1 2 4 9  0.25 1 2 2 2  each(5, exp(min(x[i], 4)))
//!     ~ ulp 12

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sqrt(x[i]);
    y[i + 5] = floor(x[i]);
    y[i + 10] = clamp(x[i], 0.0h, 2.0h);
    y[i + 15] = exp(min(x[i], 4.0h));
}
