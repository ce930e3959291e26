// for loops: counting down, two steps, no body, bounds that differ from lane to lane.
//! grid: 9
//! out y: u32 = each(9, sum(k, 0, i, k * k) + 1000 * sum(k, 0, i + 1, k))
//! out z: u32 = each(9, (i + 1) / 2 * 2)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var squares = 0u;
    for (var k = 0u; k < id.x; k++) {
        squares += k * k;
    }
    var sum = 0u;
    for (var k = i32(id.x); k >= 0; k--) {
        sum += u32(k);
    }
    y[id.x] = squares + 1000 * sum;
    var steps = 0u;
    for (; steps < id.x; steps += 2) {}
    z[id.x] = steps;
}
