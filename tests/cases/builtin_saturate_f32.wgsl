// saturate of f32 clamps to 0 and 1 (section Numeric Built-in Functions).
//! grid: 6
//! in x: f32 = 0 0.5 1 1.5 -0.5 100
//! out y: f32 = 0 0.5 1 1 0 1 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = saturate(x[i]);
}
