// pow of f32 is inherited from exp2(y * log2(x)) (section Floating Point Accuracy).
//! grid: 5
//! in x: f32 = 2 0.5 9 1.5 10
//! in y: f32 = 10 3 0.5 -2 2.5
//! out z: f32 = 1024 0.125 3 0.4444444444444444 316.22776601683796 ~ rel 1e-5

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    z[i] = pow(x[i], y[i]);
}
