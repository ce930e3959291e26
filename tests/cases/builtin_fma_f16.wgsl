// fma of f16 where the result is exact (section Numeric Built-in Functions).
//! grid: 4
//! in a: f16 = 2 -3 0.5 100
//! in b: f16 = 4 5 0.5 -2
//! in c: f16 = 1 0.25 -0.25 200
//! out y: f16 = 9 -14.75 0 0 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read> c: array<f16>;
@group(0) @binding(3) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fma(a[i], b[i], c[i]);
}
