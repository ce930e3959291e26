// Module constants, const functions and const arrays are evaluated at compile time.
//! grid: 4
//! out y: f32 = 8.5 9.5 12.5 15.5

const BASE = 2 + 3 * 2;
const HALF = f32(BASE) / 16.0;
const TABLE = array<i32, 4>(0, 1, BASE / 2, -7 + 14);
const SIZE = vec2f(3, 4);
const_assert BASE == 8;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    const unit = length(SIZE) / 5.0;
    y[id.x] = f32(BASE + TABLE[id.x]) * unit + HALF;
}
