// fma of f16 on the engine: the product is exact, and the sum is rounded once more at most.
//! grid: 4
//! device: cpu, because WGSL allows two roundings (section Floating Point Accuracy)
//! in a: f16 = 0.1 1.001 3 200
//! in b: f16 = 10 0.999 0.3333 150
//! in c: f16 = -1 -1 -1 -30000
//! out y: f16 = -0.0002441 -9.54e-07 -0.0002441 0 ~ ulp 1

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
