// tan of f32 is inherited from sin(x) / cos(x) (section Floating Point Accuracy).
//! grid: 4
//! in x: f32 = 0 0.5 -0.5 1
//! out y: f32 = 0 0.5463024898437905 -0.5463024898437905 1.5574077246549023 ~ abs pow(2, -9)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = tan(x[i]);
}
