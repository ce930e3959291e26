// sqrt of f16 is inherited from 1 / inverseSqrt(x) (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 1 2 0.25 144 0.001 1
//! out y: f16 = 1 1.4142135623730951 0.5 12 0.0316291694154329 1 ~ ulp 4.6

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sqrt(x[i]);
}
