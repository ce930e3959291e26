// A struct of bool, scalar, vector, matrix and array in the private address space; what is not written is zero
// (section Address Spaces).
//! grid: 1
//! out y: f32 = 1 7 2.5 6 -4 0 5

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
struct S {
    flag: bool,
    count: u32,
    v: vec3f,
    m: mat2x3f,
    list: array<vec2i, 3>,
}

var<private> v: S;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    v.flag = true;
    v.count = 7;
    v.v = vec3f(1, 2, 3);
    v.v.y += 0.5;
    v.m[1] = v.v * 2;
    v.list[(v.count) % 3] = vec2i(-4, 5);
    y[0] = f32(v.flag);
    y[1] = f32(v.count);
    y[2] = v.v.y;
    y[3] = v.m[1].z;
    y[4] = f32(v.list[1].x);
    y[5] = f32(v.list[0].x) + v.m[0].x;
    let whole = v;
    y[6] = f32(whole.list[1].y);
}
