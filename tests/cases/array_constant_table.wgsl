// Tables: of the module, of a function, as a value, indexed by what differs from lane to lane.
//! grid: 8
//! out y: u32 = 10 21 32 43 14 25 36 47
//! out z: f32 = 1.5 -2.5 3.5 9 1.5 -2.5 3.5 9
//! out w: i32 = 3 1 2 3 1 2 3 1

const TENS = array<u32, 8>(10, 20, 30, 40, 10, 20, 30, 40);

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> w: array<i32>;

fn table(i: u32) -> f32 {
    var values = array<f32, 4>(1.5, -2.5, 3.5, 9);
    return values[i];
}

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = TENS[i] + i;
    z[i] = table(i % 4);
    let list = array(vec2i(1, -1), vec2i(2, -2), vec2i(3, -3));
    w[i] = list[(i + 2) % 3].x;
}
