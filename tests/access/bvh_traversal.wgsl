//! workgroups: 20 15
//! words view: 160 120 4095 3 1065353216 0
//! elements nodes: 4095
//! elements triangles: 6000
//! elements corners: 9000
//! elements hits: 19200
//! elements depths: 19200
// Rays through a hierarchy of boxes, with a stack for each invocation.
struct View { width: u32, height: u32, nodes: u32, bounces: u32, far: f32, near: f32 }
struct Node { low: vec3f, left: u32, high: vec3f, count: u32 }
@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> nodes: array<Node>;
@group(0) @binding(2) var<storage, read> triangles: array<vec4u>;
@group(0) @binding(3) var<storage, read> corners: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> hits: array<u32>;
@group(0) @binding(5) var<storage, read_write> depths: array<f32>;

fn meets(low: vec3f, high: vec3f, start: vec3f, over: vec3f, best: f32) -> bool {
    let a = (low - start) * over;
    let b = (high - start) * over;
    let enter = max(max(min(a.x, b.x), min(a.y, b.y)), min(a.z, b.z));
    let leave = min(min(max(a.x, b.x), max(a.y, b.y)), max(a.z, b.z));
    return enter <= leave && leave > 0.0 && enter < best;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= view.width || id.y >= view.height) { return; }
    let pixel = id.y * view.width + id.x;
    var start = vec3f(f32(id.x), f32(id.y), view.near);
    var ray = vec3f(0.0, 0.0, 1.0);
    var best = view.far;
    var hit = 0xffffffffu;
    for (var bounce = 0u; bounce <= view.bounces; bounce++) {
        var stack: array<u32, 32>;
        var top = 1u;
        stack[0] = 0u;
        while (top > 0u) {
            top -= 1u;
            let at = stack[top];
            let node = nodes[at];
            if (!meets(node.low, node.high, start, 1.0 / ray, best)) { continue; }
            if (node.count == 0u) {
                if (top + 2u <= 32u) {
                    stack[top] = node.left;
                    stack[top + 1u] = node.left + 1u;
                    top += 2u;
                }
            } else {
                for (var k = 0u; k < node.count; k++) {
                    let t = triangles[node.left + k];
                    let a = corners[t.x].xyz;
                    let b = corners[t.y].xyz - a;
                    let c = corners[t.z].xyz - a;
                    let n = cross(b, c);
                    let d = dot(n, a - start) / dot(n, ray);
                    if (d > 0.0 && d < best) { best = d; hit = node.left + k; }
                }
            }
        }
        start = start + best * ray;
        ray = -ray;
    }
    hits[pixel] = hit;
    depths[pixel] = best;
}
