// tan of f16 is inherited from sin(x) / cos(x) (section Floating Point Accuracy).
//! grid: 4
//! in x: f16 = 0 0.5 -0.5 1
//! out y: f16 = 0 0.5463024898437905 -0.5463024898437905 1.5574077246549023 ~ abs pow(2, -5)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = tan(x[i]);
}
