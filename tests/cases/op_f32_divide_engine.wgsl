// f32 / f32 is correctly rounded on the engine, subnormal and infinite quotients included.
//! grid: 9
//! device: cpu, because WGSL asks for 2.5 ULP and leaves subnormal numbers open (section Floating Point Accuracy)
//! in a: f32 = 6 1 -7.5 1e+10 0 0x00800000 0x7f000000 1 5
//! in b: f32 = 3 4 2.5 100000 -3 2 0.5 3 7
//! out y: f32 = 2 0.25 -3 100000 -0 0x00400000 inf 0.33333334 0.71428573

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] / b[i];
}
