// Vectors and structs of halves: 8-byte vec3h, odd counts, the low and high half of a word written by two lanes.
//! grid: 7
//! in x: f16 = 1 2 3 0  4 5 6 0
//! inout y: f16 = 9 9 9 0.5  9 9 9 0.5 -> 2 4 6 0.5  8 10 12 0.5
//! out z: f16 = 0 1 2 3 4 5 6 untouched

enable f16;

@group(0) @binding(0) var<storage, read> x: array<vec3h>;
@group(0) @binding(1) var<storage, read_write> y: array<vec3<f16>>;
@group(0) @binding(2) var<storage, read_write> z: array<f16>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < 2) {
        y[id.x] = 2 * x[id.x];
    }
    z[id.x] = f16(id.x);
}
