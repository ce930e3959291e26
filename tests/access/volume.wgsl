//! workgroups: 8 8 8
//! words params: 32 30 29
//! elements src: 27840
//! elements dst: 27840
struct Params { size: vec3u }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
fn index(p: vec3u) -> u32 { return (p.z * params.size.y + p.y) * params.size.x + p.x; }
@compute @workgroup_size(4, 4, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id >= params.size)) { return; }
    let low = max(id, vec3u(1u)) - 1u;
    let high = min(id + 1u, params.size - 1u);
    dst[index(id)] = src[index(vec3u(low.x, id.yz))] + src[index(vec3u(id.x, high.y, id.z))]
        + src[index(vec3u(id.xy, low.z))] + src[index(vec3u(id.xy, high.z))];
}
