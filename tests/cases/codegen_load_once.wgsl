// A memory that is only read is read once, and products and sums are fused.
//! grid: 512
//! in x: f32 = seq(512)
//! out y: f32 = each(512, x[i] * x[i] + x[i])
//! asm loop has: vmovups ymm x8; vfmadd x8; vmovups [ x8 lacks: vmulps; vaddps

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[id.x] * x[id.x] + x[id.x];
}
