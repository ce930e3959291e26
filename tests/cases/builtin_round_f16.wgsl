// round of f16 gives the nearest whole number, the even one of two (section Numeric Built-in Functions).
//! grid: 8
//! in x: f16 = 0.5 1.5 2.5 -0.5 -1.5 2.25 -2.75 0.5
//! out y: f16 = 0 2 2 -0 -2 2 -3 0 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = round(x[i]);
}
