//! workgroups: 41 31
//! words params: 650 481
//! elements src: 312650
//! elements dst: 312650
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let inside = id.x < params.width && id.y < params.height;
    // Computed in front of the guard, with what wraps around in the first row.
    let above = select(id.y - 1u, 0u, id.y == 0u);
    let below = min(id.y + 1u, params.height - 1u);
    if (inside) {
        dst[id.y * params.width + id.x] = src[above * params.width + id.x] + src[below * params.width + id.x];
    }
}
