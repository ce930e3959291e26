//! workgroups: 8 8 8
//! words volume: 33 33 33 1056964608 100000
//! elements field: 35937
//! elements edges: 256
//! elements table: 4096
//! elements vertices: 100000
//! elements normals: 100000
//! elements used: 4
// Triangles of an isosurface: eight corners, gradients by differences, a table of edges.
struct Volume { nx: u32, ny: u32, nz: u32, level: f32, room: u32 }
@group(0) @binding(0) var<uniform> volume: Volume;
@group(0) @binding(1) var<storage, read> field: array<f32>;
@group(0) @binding(2) var<storage, read> edges: array<u32>;
@group(0) @binding(3) var<storage, read> table: array<i32>;
@group(0) @binding(4) var<storage, read_write> vertices: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> normals: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> used: array<atomic<u32>>;

const ends = array<vec2u, 12>(vec2u(0, 1), vec2u(1, 2), vec2u(2, 3), vec2u(3, 0), vec2u(4, 5), vec2u(5, 6),
    vec2u(6, 7), vec2u(7, 4), vec2u(0, 4), vec2u(1, 5), vec2u(2, 6), vec2u(3, 7));
const corners = array<vec3u, 8>(vec3u(0, 0, 0), vec3u(1, 0, 0), vec3u(1, 1, 0), vec3u(0, 1, 0), vec3u(0, 0, 1),
    vec3u(1, 0, 1), vec3u(1, 1, 1), vec3u(0, 1, 1));

fn at(p: vec3u) -> f32 {
    let q = min(p, vec3u(volume.nx, volume.ny, volume.nz) - 1u);
    return field[(q.z * volume.ny + q.y) * volume.nx + q.x];
}

fn slope(p: vec3u) -> vec3f {
    let low = max(p, vec3u(1u)) - 1u;
    return vec3f(at(vec3u(p.x + 1u, p.yz)) - at(vec3u(low.x, p.yz)),
        at(vec3u(p.x, p.y + 1u, p.z)) - at(vec3u(p.x, low.y, p.z)),
        at(vec3u(p.xy, p.z + 1u)) - at(vec3u(p.xy, low.z)));
}

@compute @workgroup_size(4, 4, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id + 1u >= vec3u(volume.nx, volume.ny, volume.nz))) { return; }
    var values: array<f32, 8>;
    var kind = 0u;
    for (var k = 0u; k < 8u; k++) {
        values[k] = at(id + corners[k]);
        if (values[k] < volume.level) { kind |= 1u << k; }
    }
    if (edges[kind] == 0u) { return; }
    for (var t = 0u; t < 15u; t += 3u) {
        if (table[kind * 16u + t] < 0) { break; }
        let first = atomicAdd(&used[0], 3u);
        if (first + 3u > volume.room) { break; }
        for (var k = 0u; k < 3u; k++) {
            let edge = ends[u32(table[kind * 16u + t + k])];
            let a = id + corners[edge.x];
            let b = id + corners[edge.y];
            let part = (volume.level - values[edge.x]) / (values[edge.y] - values[edge.x]);
            vertices[first + k] = vec4f(mix(vec3f(a), vec3f(b), part), 1.0);
            normals[first + k] = vec4f(normalize(mix(slope(a), slope(b), part)), 0.0);
        }
    }
}
