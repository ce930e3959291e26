// A function with loops and locals of its own, called from a loop and from both sides of a branch.
//! grid: 6
//! out y: u32 = each(6, sum(k, 0, i, sum(j, 0, k, j + 1)) + (i % 2 == 0 ? sum(j, 0, 3, j + 1) : sum(j, 0, i, j + 1)))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

fn triangle(n: u32) -> u32 {
    var sum: u32;
    for (var j = 0u; j < n; j++) {
        sum += j + 1;
    }
    return sum;
}

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    for (var k = 0u; k < id.x; k++) {
        sum += triangle(k);
    }
    if (id.x % 2 == 0) {
        sum += triangle(3);
    } else {
        sum += triangle(id.x);
    }
    y[id.x] = sum;
}
