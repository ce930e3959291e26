// quantizeToF16 rounds to the nearest half, ties to even, and too large numbers to infinity; WGSL takes either
// neighbour (section Numeric Built-in Functions).
//! grid: 14
//! device: cpu, because WGSL leaves the rounding open
//! in x: f32 = 0.1 1 1.0004883 1.0009766 3.1415927 65504 1000.3 -0.3 65519 65520 -70000 0x33000000 0x33400000 -0
//! out y: f32 = 0x3dccc000 1 1 1.0009766 3.140625 65504 1000.5 0xbe99a000 65504 inf -inf 0 0x33800000 -0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(14)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = quantizeToF16(x[i]);
}
