// inverseSqrt of f32 is within 2 ULP (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 1 2 0.25 144 0.001 1e+20
//! out y: f32 = 1 0.7071067811865475 2 0.08333333333333333 31.622775850683176 9.999999899795615e-11 ~ ulp 2

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = inverseSqrt(x[i]);
}
