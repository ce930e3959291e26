// The entry point itself returns from several places.
//! grid: 9
//! inout y: u32 = 5*9 -> 5 11 5 13 24 25 36 36 36

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < 4) {
        if (i % 2 == 0) {
            return;
        }
        y[i] = 10 + i;
        return;
    }
    for (var k = 0u; k < 3; k++) {
        if (k == 1 && i < 6) {
            y[i] = 20 + i;
            return;
        }
        if (k == 2) {
            y[i] = 36;
            return;
        }
    }
    y[i] = 1000;
}
