// A variable declared in a loop starts from its initial value in each iteration, and without one from zero.
//! grid: 1
//! out y: u32 = 4 4 4

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    for (var k = 0u; k < 3u; k++) {
        var fresh: u32;
        var four = 4u;
        fresh += four;
        four = 9u;
        y[k] = fresh;
    }
}
