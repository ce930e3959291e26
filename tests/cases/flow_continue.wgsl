// `continue` skips the rest of a body but not the loop's step.
//! grid: 10
//! out y: u32 = each(10, sum(k, 0, i, k % 3 == 1 ? 0 : (k % 2 == 0 ? k : 100)))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0u;
    for (var k = 0u; k < id.x; k++) {
        if (k % 3 == 1) {
            continue;
        }
        if (k % 2 == 0) {
            sum += k;
            continue;
        }
        sum += 100;
    }
    y[id.x] = sum;
}
