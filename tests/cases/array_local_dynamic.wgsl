// A local array that is sorted in place, at indices that differ from lane to lane.
//! grid: 4
//! in x: i32 = 3 1 2 5 4  9 8 7 6 5  1 2 3 4 5  -1 5 -3 2 0
//! out y: i32 = 1 2 3 4 5  5 6 7 8 9  1 2 3 4 5  -3 -1 0 2 5

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var a: array<i32, 5>;
    for (var k = 0u; k < 5; k++) {
        a[k] = x[id.x * 5 + k];
    }
    for (var k = 1u; k < 5; k++) {
        let value = a[k];
        var at = k;
        while (at > 0) {
            if (a[at - 1] <= value) {
                break;
            }
            a[at] = a[at - 1];
            at--;
        }
        a[at] = value;
    }
    for (var k = 0u; k < 5; k++) {
        y[id.x * 5 + k] = a[k];
    }
}
