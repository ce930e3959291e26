// Constructors without types take them from their arguments (section Constructor Built-in Functions).
//! grid: 1
//! out y: u32 = 6 3 11 5

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = vec3(1u, 2u, 3u);
    let m = mat2x2(1.0, 2.0, 3.0, 4.0);
    let list = array(5u, 6u);
    let w = vec2(v.zy);
    y[0] = v.x + v.y + v.z;
    y[1] = u32(m[1].x);
    y[2] = list[0] + list[1];
    y[3] = w.x + w.y;
}
