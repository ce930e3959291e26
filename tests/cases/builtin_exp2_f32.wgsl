// exp2 of f32 is within 3 + 2 |x| ULP (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 0 1 -1 10.5 -10.25 0.001
//! out y: f32 = 1 2 0.5 1448.1546878700494 0.0008211879055212056 1.0006933874955262 ~ ulp 3 + 2 * abs(x[i])

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = exp2(x[i]);
}
