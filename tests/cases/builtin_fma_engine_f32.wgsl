// fma of f32 is rounded once on the engine, subnormal results included.
//! grid: 6
//! device: cpu, because WGSL allows two roundings (section Floating Point Accuracy)
//! in a: f32 = 0.1 1.0000001 3 1e+20 -7.7 0x1c800000
//! in b: f32 = 10 0.9999999 0.33333334 1e+18 7.7 0x1c800000
//! in c: f32 = -1 -1 -1 -1e+38 59.29 0x00080000
//! out y: f32 = 0x32800000 0xa8800000 0x33000000 0x72375d48 0x368147ae 0x00080200

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = fma(a[i], b[i], c[i]);
}
