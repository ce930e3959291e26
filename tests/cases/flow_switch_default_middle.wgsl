// The default stands between the cases, and several selectors share one.
//! grid: 12
//! out y: i32 = 1 20 20 30 -9 -9 60 -9 -9 60 -9 -9

@group(0) @binding(0) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var value = 1;
    switch (id.x) {
        case 0: {}
        case 1, 2: { value = 20; }
        default: { value = -9; }
        case 3: { value = 30; }
        case 6u, 9u: { value = 60; }
    }
    y[id.x] = value;
}
