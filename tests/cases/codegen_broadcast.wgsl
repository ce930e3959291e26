// What a workgroup reads from one place is loaded once and broadcast.
//! grid: 512
//! in x: f32 = seq(512)
//! in table: f32 = seq(16)
//! out y: f32 = each(512, x[i] + table[i / 64])
//! asm has: vbroadcastss ymm
//! asm loop has: vaddps x8; vmovups ymm x8; vmovups [ x8 lacks: vbroadcast; vpgather; vpmaskmov; jmp

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) wg: vec3u) {
    y[id.x] = x[id.x] + table[wg.x];
}
