// A guard on two axes of an image: rows without masks where all lanes pass it. A run of workgroups along x goes through its
// lane groups together: for each lane group, the workgroup's number starts anew.
//! workgroups: 5 2
//! set size: u32 = 70 25
//! in x: f32 = seq(1750)
//! out y: f32 = each(1750, x[i] * 2)
//! asm block has: vmulps x8; vmovups ymm x8; vmovups [ x8 lacks: vpmaskmov; vpgather; vpand
//! asm loop has: vmulps x9; mov [r15+10h]; inc dword ptr [r15+10h]

@group(0) @binding(0) var<uniform> size: vec2u;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id.xy >= size)) {
        return;
    }
    let at = id.y * size.x + id.x;
    y[at] = x[at] * 2.0;
}
