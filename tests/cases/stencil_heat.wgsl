// A five-point stencil over 9 x 7 cells with fixed edges; all values are multiples of 1/4.
//! grid: 9 7
//! set size: u32 = 9 7
//! in t: f32 = each(63, (i * 29) % 64)
//! out y: f32 = each(63, i % 9 == 0 || i % 9 == 8 || i / 9 == 0 || i / 9 == 6 ? t[i] :
//!     (t[max(i - 1, 0)] + t[min(i + 1, 62)] + t[max(i - 9, 0)] + t[min(i + 9, 62)]) * 0.25)

@group(0) @binding(0) var<uniform> size: vec2u;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id.xy >= size)) {
        return;
    }
    let at = id.y * size.x + id.x;
    if (id.x == 0 || id.y == 0 || id.x + 1 == size.x || id.y + 1 == size.y) {
        y[at] = t[at];
        return;
    }
    y[at] = (t[at - 1] + t[at + 1] + t[at - size.x] + t[at + size.x]) * 0.25;
}
