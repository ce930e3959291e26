// Assertions on constant expressions, at module scope and in a function (section Const Assertion).
//! grid: 1
//! out y: u32 = 6

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
const WIDTH = 3u;
const_assert WIDTH == 3 && WIDTH < 4;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    const_assert WIDTH * 2 == 6;
    y[0] = WIDTH * 2;
}
