// f32 * f32 is correctly rounded (section Floating Point Accuracy).
//! grid: 10
//! in a: f32 = 0 1 -1.5 0.1 16777216 1e+20 3 -7.25 0.001 65504
//! in b: f32 = 1 -1 2.25 0.2 1 -1e+20 0.1 7.25 1000 32
//! out y: f32 = 0 -1 -3.375 0x3ca3d70b 16777216 -inf 0.3 -52.5625 1 2096128

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] * b[i];
}
