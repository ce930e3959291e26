// Two and three components of every type.
//! grid: 2
//! in a: i32 = -1 2 3 -4
//! in b: f32 = 1 2 3 0  4 5 6 0
//! in c: u32 = 1 2 3 0  4 5 6 0
//! out y: i32 = 1 4 9 16
//! out z: f32 = 3 2 1 untouched  6 5 4 untouched
//! out w: u32 = 2 3 1 untouched  5 6 4 untouched

@group(0) @binding(0) var<storage, read> a: array<vec2i>;
@group(0) @binding(1) var<storage, read> b: array<vec3f>;
@group(0) @binding(2) var<storage, read> c: array<vec3u>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2i>;
@group(0) @binding(4) var<storage, read_write> z: array<vec3f>;
@group(0) @binding(5) var<storage, read_write> w: array<vec3u>;

@compute @workgroup_size(2)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] * a[i];
    z[i] = b[i].zyx;
    w[i] = c[i].yzx;
}
