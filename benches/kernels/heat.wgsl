// A step of the heat equation in two dimensions; beyond an edge it is as warm as on it.

struct Params {
    width: u32,
    height: u32,
    rate: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn heat(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.width || id.y >= params.height) {
        return;
    }
    let left = select(id.x - 1u, 0u, id.x == 0u);
    let right = min(id.x + 1u, params.width - 1u);
    let up = select(id.y - 1u, 0u, id.y == 0u);
    let down = min(id.y + 1u, params.height - 1u);
    let row = id.y * params.width;
    let centre = x[row + id.x];
    let around = x[row + left] + x[row + right] + x[up * params.width + id.x] + x[down * params.width + id.x];
    y[row + id.x] = centre + params.rate * (around - 4.0 * centre);
}
