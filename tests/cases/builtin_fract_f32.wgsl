// fract of f32 is x - floor(x), so that it is not negative (section Numeric Built-in Functions).
//! grid: 6
//! in x: f32 = 0 0.25 1.75 -0.25 -3.5 1024.5
//! out y: f32 = 0 0.25 0.75 0.75 0.5 0.5 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fract(x[i]);
}
