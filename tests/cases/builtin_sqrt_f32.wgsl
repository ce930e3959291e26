// sqrt of f32 is inherited from 1 / inverseSqrt(x) (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 1 2 0.25 144 0.001 1e+20
//! out y: f32 = 1 1.4142135623730951 0.5 12 0.03162277735268443 10000000100.204386 ~ ulp 4.6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sqrt(x[i]);
}
