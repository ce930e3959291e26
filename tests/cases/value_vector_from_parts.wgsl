// Vectors out of scalars and vectors in every order (section Constructor Built-in Functions).
//! grid: 1
//! out y: u32 = 0x1234*7

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn word(v: vec4u) -> u32 {
    return v.x << 12 | v.y << 8 | v.z << 4 | v.w;
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let a = vec2u(1, 2);
    let b = vec2u(3, 4);
    y[0] = word(vec4u(a, b));
    y[1] = word(vec4u(1, 2, b));
    y[2] = word(vec4u(a, 3, 4));
    y[3] = word(vec4u(1, vec2u(2, 3), 4));
    y[4] = word(vec4u(vec3u(a, 3), 4));
    y[5] = word(vec4u(1, vec3u(2, b)));
    y[6] = word(vec4u(vec4u(1, 2, 3, 4)));
}
