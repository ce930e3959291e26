// Swizzles repeat, reorder and mix; rgba means xyzw.
//! grid: 1
//! out y: u32 = 0x2211 0x4321 0x1 0x3333 0x42

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn word(v: vec4u) -> u32 {
    return v.x << 12 | v.y << 8 | v.z << 4 | v.w;
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = vec4u(1, 2, 3, 4);
    y[0] = word(v.yyxx);
    y[1] = word(v.abgr);
    y[2] = v.r;
    y[3] = word(v.zzzz.xyzw);
    y[4] = word(vec4u(0, 0, v.wzyx.xz));
}
