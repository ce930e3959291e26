// abs of f32 clears the sign (section Numeric Built-in Functions).
//! grid: 5
//! in x: f32 = 0 1.5 -2.5 -1e+30 3e-20
//! out y: f32 = 0 1.5 2.5 1e+30 3e-20

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = abs(x[i]);
}
