// sign of f32 is -1, 0 or 1 (section Numeric Built-in Functions).
//! grid: 5
//! in x: f32 = 0 2.5 -2.5 1e-30 -1e+30
//! out y: f32 = 0 1 -1 1 -1 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sign(x[i]);
}
