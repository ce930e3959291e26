// inverseSqrt of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 1 2 0.25 144 0.001 1
//! out y: f16 = 1 0.7071067811865475 2 0.08333333333333333 31.616385080035247 1 ~ ulp 2

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = inverseSqrt(x[i]);
}
