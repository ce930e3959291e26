// A uniform loop: its bound is loaded once, and what does not depend on the lane or the step moves out.
struct Params { n: u32, scale: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0.0;
    for (var k = 0u; k < params.n; k++) {
        sum += sqrt(params.scale) * x[id.x * params.n + k];
    }
    y[id.x] = sum;
}
