// An image of 13 x 9 pixels under workgroups of 8 x 8, with a row stride of 14.
//! grid: 13 9
//! inout image: i32 = -1*126
//!     -> each(126, i % 14 < 13 ? i % 14 * (i / 14) : -1)

@group(0) @binding(0) var<storage, read_write> image: array<i32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= 13 || id.y >= 9) {
        return;
    }
    image[id.y * 14 + id.x] = i32(id.x * id.y);
}
