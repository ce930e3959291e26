// What lies anywhere is gathered, and only that: indices and results are rows.
//! grid: 512
//! in at: u32 = each(512, (i * 37) % 512)
//! in x: f32 = seq(512)
//! out y: f32 = each(512, x[(i * 37) % 512])
//! asm loop has: vpgatherdd x8; vmovups ymm x8; vmovups [ x8 lacks: vpmaskmov; jmp

@group(0) @binding(0) var<storage, read> at: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[at[id.x]];
}
