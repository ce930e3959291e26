// pow of f16 is inherited from exp2(y * log2(x)) (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 2 0.5 9 1.5 10 2
//! in y: f16 = 10 3 0.5 -2 2.5 10
//! out z: f16 = 1024 0.125 3 0.4444444444444444 316.22776601683796 1024 ~ rel 0.1

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read> y: array<f16>;
@group(0) @binding(2) var<storage, read_write> z: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    z[i] = pow(x[i], y[i]);
}
