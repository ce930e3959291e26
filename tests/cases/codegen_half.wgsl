// Halves are single floats in registers: converted where memory is read and written, rounded where an operation may not
// be exact, which `abs` always is.
//! grid: 512
//! in x: f16 = each(512, i % 32)
//! out y: f16 = each(512, (i % 32) * 4)
//! asm loop has: vcvtph2ps*[ x8; vcvtps2ph [ x8; vcvtps2ph xmm x8; vmulps x8 lacks: vpgather; vpmaskmov; vpextrw
enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = abs(x[id.x]) * 4h;
}
