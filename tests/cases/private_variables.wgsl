// var<private>: initial values, one for each invocation, arrays at dynamic indices, changed by functions.
//! grid: 8
//! out y: u32 = each(8, 7 + 3 * i)
//! out z: i32 = each(8, i % 3 == 0 ? 10 + i : (i % 3 == 1 ? -20 + i : 30 + i))

var<private> count: u32 = 7;
var<private> table = array<i32, 3>(10, -20, 30);
var<private> untouched_: vec3f;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<i32>;

fn step() {
    count += 1;
    if (count % 2 == 0) {
        count += 2;
        return;
    }
    count += 2;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    for (var k = 0u; k < id.x; k++) {
        step();
    }
    y[id.x] = count;
    table[id.x % 3] += i32(id.x);
    z[id.x] = table[id.x % 3] + i32(untouched_.y);
}
