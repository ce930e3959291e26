// A chain of else if takes the first that holds.
//! grid: 8
//! out y: u32 = 0 1 1 2 2 2 3 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if i == 0 {
        y[i] = 0;
    } else if i < 3 {
        y[i] = 1;
    } else if i < 6 {
        y[i] = 2;
    } else {
        y[i] = 3;
    }
}
