// for loops without initialiser, condition or step.
//! grid: 4
//! out y: u32 = 0 1 2 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var k = 0u;
    for (;;) {
        if k == i {
            break;
        }
        k++;
    }
    for (; k < i;) {
        k++;
    }
    y[i] = k;
}
