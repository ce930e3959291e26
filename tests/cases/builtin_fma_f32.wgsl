// fma of f32 where the result is exact (section Numeric Built-in Functions).
//! grid: 4
//! in a: f32 = 2 -3 0.5 100
//! in b: f32 = 4 5 0.5 -2
//! in c: f32 = 1 0.25 -0.25 200
//! out y: f32 = 9 -14.75 0 0 ~ abs 0

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fma(a[i], b[i], c[i]);
}
