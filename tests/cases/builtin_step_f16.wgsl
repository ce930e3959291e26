// step of f16 is 1 from the edge on (section Numeric Built-in Functions).
//! grid: 6
//! in edge: f16 = 0 1 1 -2 0.5 0
//! in x: f16 = 0 0.5 1.5 -3 0.5 0
//! out y: f16 = 1 0 1 0 1 1

enable f16;

@group(0) @binding(0) var<storage, read> edge: array<f16>;
@group(0) @binding(1) var<storage, read> x: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = step(edge[i], x[i]);
}
