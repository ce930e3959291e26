// What a function gets by value stays as it was for the caller.
//! grid: 1
//! out y: u32 = 1 9

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
fn changed(list: array<u32, 2>) -> u32 {
    var own = list;
    own[0] = 9;
    return own[0];
}

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var list = array(1u, 2u);
    y[1] = changed(list);
    y[0] = list[0];
}
