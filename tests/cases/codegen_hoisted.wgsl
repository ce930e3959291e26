// What is the same over a dispatch is computed once, in front of all workgroups.
//! grid: 512
//! set p: f32 = 6 3
//! in x: f32 = seq(512)
//! out y: f32 = each(512, i * 2)
//! asm has: vdivps x1
//! asm loop has: vmulps x9; inc dword ptr [r15 lacks: vdiv

@group(0) @binding(2) var<uniform> p: vec2f;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = x[id.x] * (p.x / p.y);
}
