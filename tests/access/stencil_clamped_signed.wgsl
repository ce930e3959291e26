//! workgroups: 40 30
//! words params: 640 480
//! elements src: 307200
//! elements dst: 307200
struct Params { width: i32, height: i32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
fn at(x: i32, y: i32) -> f32 {
    let cx = clamp(x, 0, params.width - 1);
    let cy = clamp(y, 0, params.height - 1);
    return src[cy * params.width + cx];
}
@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let x = i32(id.x);
    let y = i32(id.y);
    if (x >= params.width || y >= params.height) { return; }
    dst[y * params.width + x] = at(x - 2, y) + at(x + 2, y) + at(x, y - 2) + at(x, y + 2);
}
