// Branches of constant conditions.
//! grid: 1
//! out y: u32 = 1 1 0

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[2] = 0;
    if true {
        y[0] = 1;
    } else {
        y[0] = 2;
    }
    if false {
        y[2] = 3;
    } else if 1 + 1 == 2 {
        y[1] = 1;
    }
}
