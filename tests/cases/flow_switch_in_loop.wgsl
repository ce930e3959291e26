// `continue` inside of a switch goes on with the loop; `break` leaves the switch only.
//! grid: 6
//! out y: u32 = 0 0 3 4 4 9

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    for (var k = 0u; k < id.x; k++) {
        switch (k % 3) {
            case 0: { continue; }
            case 1: {
                if (k == 1) {
                    sum += 2;
                    break;
                }
                sum += 4;
            }
            default: {}
        }
        sum += 1;
    }
    y[id.x] = sum;
}
