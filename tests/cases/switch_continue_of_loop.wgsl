// continue in a switch goes on with the loop around it.
//! grid: 1
//! out y: u32 = 0 2 4 6 8 5

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var count = 0u;
    for (var k = 0u; k < 10u; k++) {
        switch k % 2 {
            case 1u: {
                continue;
            }
            default: {
                break;
            }
        }
        y[count] = k;
        count++;
    }
    y[5] = count;
}
