// Constant expressions are folded, overrides with them.
//! grid: 512
//! in x: f32 = seq(512)
//! out y: f32 = each(512, x[i] * 4 * 2)
//! asm loop has: vmulps x8 lacks: vsqrt; vdiv
//! asm lacks: vsqrt; vbroadcast*[rax

const scale = sqrt(16.0);
override twice: f32 = 2.0;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[id.x] * (scale * twice);
}
