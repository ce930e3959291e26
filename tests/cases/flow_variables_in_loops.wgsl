// A variable declared in a loop is zero anew in each iteration, arrays and functions included.
//! grid: 4
//! out y: u32 = each(4, 5 * (1 + i))
//! out z: u32 = each(4, 5 * (1 + i))
//! out w: u32 = each(4, 5 * (1 + i))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;
@group(0) @binding(2) var<storage, read_write> w: array<u32>;

fn fresh(i: u32) -> u32 {
    var local: array<u32, 4>;
    local[i] += 1 + i;
    return local[i];
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sums = vec3u();
    for (var k = 0u; k < 5; k++) {
        var scalar: u32;
        scalar += 1 + id.x;
        var list: array<u32, 4>;
        list[id.x] += 1 + id.x;
        sums += vec3u(scalar, list[id.x], fresh(id.x));
    }
    y[id.x] = sums.x;
    z[id.x] = sums.y;
    w[id.x] = sums.z;
}
