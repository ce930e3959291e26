// ceil of f16 gives the next whole number upwards (section Numeric Built-in Functions).
//! grid: 8
//! in x: f16 = 0 0.5 -0.5 1 2.25 -2.75 -3 0
//! out y: f16 = 0 1 0 1 3 -2 -3 0 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = ceil(x[i]);
}
