// abs of f16 clears the sign (section Numeric Built-in Functions).
//! grid: 4
//! in x: f16 = 0 1.5 -2.5 0
//! out y: f16 = 0 1.5 2.5 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = abs(x[i]);
}
