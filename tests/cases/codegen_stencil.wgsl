// A stencil over an image: its neighbours are rows, without bounds checks or masks; only the results have a mask.
//! workgroups: 5 3
//! set size: u32 = 70 41
//! in x: f32 = seq(2870)
//! out y: f32 = each(2870, i % 70 == 0 || i % 70 == 69 || i / 70 == 0 || i / 70 == 40 ? x[i] : x[i - 1] + x[i + 1] + x[i - 70] + x[i + 70])
//! asm block has: vaddps x24; vmovups ymm x32+ lacks: vpgather; vpmaxud; vpand

@group(0) @binding(2) var<uniform> size: vec2u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id.xy >= size)) {
        return;
    }
    let at = id.y * size.x + id.x;
    if (id.x == 0 || id.y == 0 || id.x + 1 == size.x || id.y + 1 == size.y) {
        y[at] = x[at];
        return;
    }
    y[at] = x[at - 1] + x[at + 1] + x[at - size.x] + x[at + size.x];
}
