// Fields by name: nested structs, vectors, array elements, and the padding between them.
//! grid: 4
//! set params.a: f32 = 0.5
//! set params.position: f32 = 1 2 3
//! set params.inner.count: u32 = 9
//! set params.inner.size: i32 = -4 4
//! set params.weights[0]: f32 = 10 20 30 40
//! set params.weights[1]: f32 = 50 60 70 80
//! out y: f32 = 22.5 38.5 73 93

struct Inner { count: u32, size: vec2i }
struct Params { a: f32, position: vec3f, inner: Inner, weights: array<vec4f, 2> }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let p = params.position;
    let w = params.weights[i / 2][(i % 2) * 2 + 1];
    switch (i) {
        case 0: { y[i] = params.a + p.x + p.y - 1 + w; }
        case 1: { y[i] = params.a + p.z - 5 + w; }
        case 2: { y[i] = f32(params.inner.count) + f32(params.inner.size.y) + w; }
        default: { y[i] = f32(params.inner.count) - f32(params.inner.size.x) + w; }
    }
}
