// An inner loop moves the counter of the outer one.
//! grid: 1
//! out y: u32 = 25

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var sum = 0u;
    for (var k = 0u; k < 10u; k++) {
        for (; k % 2 == 0; k++) {
            sum += 0u;
        }
        sum += k;
    }
    y[0] = sum;
}
