//! workgroups: 4 32
//! elements src: 65536
//! elements dst: 16384
@group(0) @binding(0) var<storage, read> src: array<u32>;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;
@compute @workgroup_size(64, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let at = (id.y << 8u) | id.x;
    dst[at >> 1u] = src[at & 0xfffffff0u] + src[at ^ 3u] + src[(at & ~7u) + (at & 7u)];
}
