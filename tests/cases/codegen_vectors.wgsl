// Vectors are loaded and stored in rows, and turned by shuffles on both ways.
//! grid: 512
//! in x: f32 = seq(2048)
//! out y: f32 = each(2048, i % 4 == 3 ? x[i] : 2 * x[i - i % 4 + (i + 1) % 4 % 3])
//! asm loop has: vunpcklps x8; vinsertf128 x8; vmulps x6 lacks: vpgather; vpmaskmov
//! asm loop has: vunpckhps x8; vextractf128 x8; vmovups [ x8 lacks: tzcnt

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    y[id.x] = vec4f(2.0 * v.yzx, v.w);
}
