// Rows of lanes: one load and one store each, eight rows at a time, away from the guard.
//! workgroups: 3
//! set params.a: f32 = 2.5
//! in x: f32 = seq(700)
//! inout y: f32 = seq(700, 100, -1)
//!     -> each(700, 2.5 * x[i] + y[i])
//! asm loop has: vmovups ymm x16; vfmadd x8; vmovups [ x8
//!     lacks: vpmaskmov; vpgather; vptest; vpand
//! asm loop has: vfmadd x8 lacks: vbroadcast; vmovd; vpadd; vpmull; imul
//! asm lacks: call; lock; div; idiv

struct Params { a: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= arrayLength(&y)) {
        return;
    }
    y[i] = params.a * x[i] + y[i];
}
