// f16 / f16 is within 2.5 ULP (section Floating Point Accuracy).
//! grid: 10
//! in a: f16 = 0 1 -1.5 0.1 2048 60000 3 -7.25 0.001 1024
//! in b: f16 = 1 -1 2.25 0.2 1 -60000 0.1 7.25 1000 32
//! out y: f16 = 0 -1 -0.6666666666666666 0.5 2048 -1 30.007326007326007 -1 1.0004043579101562e-06 32 ~ ulp 2.5

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] / b[i];
}
