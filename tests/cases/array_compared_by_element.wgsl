// Assignment copies arrays and structs: later changes of one do not show in the other.
//! grid: 3
//! out y: u32 = 1 2 3
//! out z: u32 = 101 102 103

struct Box { values: array<u32, 3> }

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<u32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var a = Box(array(1, 2, 3));
    var b = a;
    for (var k = 0; k < 3; k++) {
        b.values[k] += 100;
    }
    let c = b;
    b.values[id.x] = 5;
    y[id.x] = a.values[id.x];
    z[id.x] = c.values[id.x];
}
