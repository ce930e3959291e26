// The zero value of every kind of type (section Zero Value).
//! grid: 1
//! out y: u32 = 0*8

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
struct Pair {
    a: u32,
    b: vec2<bool>,
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = vec3f();
    let m = mat2x4f();
    let list = array<i32, 3>();
    let pair = Pair();
    y[0] = u32(v.x);
    y[1] = u32(m[1].w);
    y[2] = u32(list[2]);
    y[3] = pair.a;
    y[4] = u32(pair.b.y);
    y[5] = u32(bool());
    y[6] = u32();
    y[7] = u32(f32());
}
