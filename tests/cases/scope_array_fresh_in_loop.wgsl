// An array declared in a loop is zero at the start of each iteration.
//! grid: 8
//! out y: u32 = each(8, 3)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    var sum = 0u;
    for (var k = 0u; k < 3u; k++) {
        var list: array<u32, 5>;
        list[(i + k) % 5]++;
        sum += list[(i + k) % 5];
    }
    y[i] = sum;
}
