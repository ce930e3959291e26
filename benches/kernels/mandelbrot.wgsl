// Iterations until the points of a picture escape.

struct Params {
    origin: vec2f,
    pitch: f32,
    limit: u32,
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;

@compute @workgroup_size(16, 16)
fn mandelbrot(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let c = params.origin + vec2f(id.xy) * params.pitch;
    var z = vec2f();
    var n = 0u;
    while (n < params.limit && dot(z, z) <= 4.0) {
        z = vec2f(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
        n++;
    }
    counts[id.y * params.width + id.x] = n;
}
