// floor of f32 gives the next whole number downwards (section Numeric Built-in Functions).
//! grid: 8
//! in x: f32 = 0 0.5 -0.5 1 2.25 -2.75 1e+10 -3
//! out y: f32 = 0 0 -1 1 2 -3 1e+10 -3 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = floor(x[i]);
}
