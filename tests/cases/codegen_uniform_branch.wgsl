// A branch on a uniform is a comparison of scalars.
//! grid: 512
//! set mode: u32 = 1
//! in x: f32 = seq(512)
//! out y: f32 = each(512, i * i)
//! asm loop has: vmulps x8; vdivps x8; cmp e lacks: vptest; vblend; vpmaskmov
//! asm block has: vmulps x8; vmovups [ x8 lacks: vdivps; vpmaskmov

@group(0) @binding(2) var<uniform> mode: u32;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (mode == 1) {
        y[id.x] = x[id.x] * x[id.x];
    } else {
        y[id.x] = 1.0 / x[id.x];
    }
}
