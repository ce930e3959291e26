// A large local array that only some invocations clear, before and behind a barrier.
//! grid: 18
//! out y: u32 = each(18, i % 9 % 3 == 1 ? 100 : 100 + 700 * (i % 9) + 244650)
//! out z: u32 = each(18, i % 9 % 2 == 0 || i % 9 % 3 == 1 ? 0 : 700 * (i % 9) + 244650)

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

var<workgroup> word: array<u32, 9>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    var list: array<u32, 700>;
    for (var k = 0u; k < 700; k++) {
        list[(k * 37) % 700] = (k * 37) % 700 + lane;
    }
    if (lane % 3 == 1) {
        list = array<u32, 700>();
    }
    var sum = 0u;
    for (var k = 0u; k < 700; k++) {
        sum += list[k];
    }
    word[lane] = 100 + sum;
    workgroupBarrier();
    y[id.x] = word[lane];
    if (lane % 2 == 0) {
        list = array<u32, 700>();
    }
    sum = 0;
    for (var k = 0u; k < 700; k++) {
        sum += list[k];
    }
    z[id.x] = sum;
}
