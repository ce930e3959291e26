// A dynamic index into an array that is a value and no variable; beyond the end it gives 0.
//! grid: 8
//! out y: u32 = 3 1 4 1 5 9 0 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let list = array<u32, 6>(3, 1, 4, 1, 5, 9);
    y[i] = list[i];
}
