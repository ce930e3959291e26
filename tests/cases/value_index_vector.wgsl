// A dynamic index into a vector that is a value.
//! grid: 4
//! out y: u32 = 40 30 20 10

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let v = vec4u(10, 20, 30, 40);
    y[i] = v[3 - i];
}
