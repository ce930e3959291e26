// degrees of f16 multiplies by 180 / pi (section Floating Point Accuracy).
//! grid: 4
//! in x: f16 = 0 1 -2.5 3
//! out y: f16 = 0 57.29577951308232 -143.2394487827058 171.88733853924697 ~ ulp 3.5

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = degrees(x[i]);
}
