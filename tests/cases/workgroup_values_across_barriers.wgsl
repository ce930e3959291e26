// Many values live across barriers: floats, integers, bools, local arrays, loop counters.
//! grid: 24
//! out y: u32 = each(24, 3 * i + (i % 2 == 0 ? 7 : 11) + 28 + 6 * (i / 8 * 8) + 4 * (i % 8))

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

var<workgroup> tile: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let even = id.x % 2 == 0;
    let third = f32(id.x) * 3.0;
    var list: array<u32, 4>;
    for (var k = 0u; k < 4; k++) {
        list[(k + lane) % 4] = lane + k;
        workgroupBarrier();
        tile[lane] = k;
        workgroupBarrier();
    }
    var sum = 0u;
    for (var k = 0u; k < 4; k++) {
        sum += list[k];
        workgroupBarrier();
    }
    tile[lane] = id.x;
    workgroupBarrier();
    // sum is 4 lane + 6; the lanes before and after the middle of the tile hold 8 group + 3 and + 4.
    let middle = tile[3] + tile[4] - 7;
    let base = 3 * middle + 22 + sum;
    y[id.x] = u32(third) + select(11u, 7u, even) + base;
}
