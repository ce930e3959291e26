// Branches on uniform values, on constants, and on values that differ between workgroups only.
//! grid: 8
//! set mode: u32 = 2
//! out y: u32 = 3 3 3 3 1003 1003 1003 1003

@group(0) @binding(0) var<uniform> mode: u32;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
    var value = 0u;
    if (mode == 1) {
        value = 50;
    } else if (mode == 2) {
        value = 3;
    }
    if (group.x > 0) {
        value += 1000;
    }
    if (false) {
        value = 9;
    }
    y[id.x] = value;
}
