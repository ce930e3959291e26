// An index past the end of an inner array is out of bounds, though it would hit the next row.
//! grid: 6
//! in x: u32 = 1 2 3 4 5 6
//! inout y: u32 = 0*6 -> 11 12 13 0 0 0
//! out z: u32 = 1 2 3 0 0 0

@group(0) @binding(0) var<storage, read> x: array<array<u32, 3>, 2>;
@group(0) @binding(1) var<storage, read_write> y: array<array<u32, 3>>;
@group(0) @binding(2) var<storage, read_write> z: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    z[id.x] = x[0][id.x];
    y[id.x / 6][id.x] = 11 + id.x;
}
