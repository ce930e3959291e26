// cos of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 1 -1 3 -2 0.5
//! out y: f16 = 1 0.5403023058681398 0.5403023058681398 -0.9899924966004454 -0.4161468365471424 0.8775825618903728
//!     ~ abs pow(2, -7)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = cos(x[i]);
}
