//! workgroups: 16
//! words params: 1024 0 0 0 4294967293 0 0 0 1 0 0 0 7 0 0 0
//! elements src: 1024
//! elements dst: 1024
struct Params { n: i32, offsets: array<vec4i, 3> }
const LOCAL = array<i32, 3>(-1, 0, 2);
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> src: array<f32>;
@group(0) @binding(2) var<storage, read_write> dst: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    var sum = 0.0;
    for (var k = 0u; k < 3u; k++) {
        let at = i + params.offsets[k].x + LOCAL[k];
        if (at >= 0 && at < params.n) { sum += src[at]; }
    }
    dst[i] = sum;
}
