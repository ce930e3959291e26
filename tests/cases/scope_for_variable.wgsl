// The variable of a for loop is its own, and another of that name outlives it.
//! grid: 1
//! out y: u32 = 100 3

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var k = 100u;
    var sum = 0u;
    for (var k = 0u; k < 3u; k++) {
        sum += k;
    }
    y[0] = k;
    y[1] = sum;
}
