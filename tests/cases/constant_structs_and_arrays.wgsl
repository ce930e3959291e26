// Constants of structs, arrays and matrices, nested in each other.
//! grid: 3
//! out y: f32 = 1 5 33

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
struct Row {
    a: u32,
    v: vec2f,
}

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    const table = array(Row(1, vec2f(2, 3)), Row(4, vec2f(5, 6)));
    const m = mat2x2f(1, 2, 3, 33);
    let values = array<f32, 3>(f32(table[0].a), table[1].v.x, m[1][1]);
    y[i] = values[i];
}
