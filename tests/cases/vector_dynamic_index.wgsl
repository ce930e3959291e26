// Vectors read and written at an index that differs from lane to lane: locals, values, uniforms, buffers.
//! grid: 4
//! set k: u32 = 10 20 30 40
//! in x: u32 = 1 2 3 4
//! out y: u32 = 4 3 2 1
//! out z: u32 = 10 20 30 40
//! out w: u32 = 7 0 0 0  0 7 0 0  0 0 7 0  0 0 0 7
//! inout v: u32 = 5 5 5 5 -> 5 6 7 8

@group(0) @binding(0) var<uniform> k: vec4u;
@group(0) @binding(1) var<storage, read> x: vec4u;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> z: array<u32>;
@group(0) @binding(4) var<storage, read_write> w: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> v: vec4u;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let value = x;
    y[i] = value[3 - i];
    z[i] = k[i];
    var local = vec4u();
    local[i] = 7;
    w[i] = local;
    v[i] += i;
}
