// saturate of f16 clamps to 0 and 1 (section Numeric Built-in Functions).
//! grid: 6
//! in x: f16 = 0 0.5 1 1.5 -0.5 100
//! out y: f16 = 0 0.5 1 1 0 1 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = saturate(x[i]);
}
