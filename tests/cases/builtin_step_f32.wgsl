// step of f32 is 1 from the edge on (section Numeric Built-in Functions).
//! grid: 5
//! in edge: f32 = 0 1 1 -2 0.5
//! in x: f32 = 0 0.5 1.5 -3 0.5
//! out y: f32 = 1 0 1 0 1

@group(0) @binding(0) var<storage, read> edge: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = step(edge[i], x[i]);
}
