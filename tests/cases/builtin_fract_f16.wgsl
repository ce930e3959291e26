// fract of f16 is x - floor(x), so that it is not negative (section Numeric Built-in Functions).
//! grid: 6
//! in x: f16 = 0 0.25 1.75 -0.25 -3.5 1024
//! out y: f16 = 0 0.25 0.75 0.75 0.5 0 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fract(x[i]);
}
