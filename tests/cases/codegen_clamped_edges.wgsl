// Neighbours whose coordinates are clamped are rows wherever no lane is at an edge.
//! grid: 512
//! in x: f32 = seq(512)
//! out y: f32 = each(512, x[max(i - 1, 0)] + x[i] + x[min(i + 1, 511)])
//! asm loop has: vaddps x16; vmovups ymm x24; vmovups [ x8 lacks: vpmaskmov; vpgather; vpmin; vpmax; vptest

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    let last = i32(arrayLength(&x)) - 1;
    y[i] = x[max(i - 1, 0)] + x[i] + x[min(i + 1, last)];
}
