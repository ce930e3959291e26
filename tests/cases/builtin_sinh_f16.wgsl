// sinh of f16 is inherited from (exp(x) - exp(-x)) / 2 (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 0.5 -1 3 -4 0
//! out y: f16 = 0 0.5210953054937474 -1.1752011936438014 10.017874927409903 -27.28991719712775 0 ~ ulp 24 abs 4e-3

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sinh(x[i]);
}
