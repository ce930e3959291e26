// Conversion of f32 to f16 rounds to nearest even on the engine, subnormal halves included.
//! grid: 10
//! device: cpu, because WGSL leaves rounding, subnormal numbers and overflow open (section Floating Point Conversion)
//! in a: f32 = 0.1 0.33333334 -7.7 1000.3 6.2e-05 2049 0x33000000 0x33c00000 65519 65520
//! out x: f16 = 0.1 0.3333 -7.7 1000.5 6.2e-05 2048 0 1.19e-07 65504 inf

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f16>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = f16(a[i]);
}
