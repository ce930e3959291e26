//! workgroups: 8 8
//! words params: 64 64
//! elements src: 4096
//! elements dst: 4096
struct Params { width: u32, height: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0.0;
    for (var dy = 0u; dy < 3u; dy++) {
        for (var dx = 0u; dx < 3u; dx++) {
            // Below zero is far above the width.
            let x = id.x + dx - 1u;
            let y = id.y + dy - 1u;
            if (x < params.width && y < params.height) { sum += src[y * params.width + x]; }
        }
    }
    dst[id.y * params.width + id.x] = sum;
}
