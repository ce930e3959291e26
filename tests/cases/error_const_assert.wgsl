// A constant assertion that fails is an error at its place (section Const Assertion).
//! error: const_assert

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
const WIDTH = 3u;
const_assert WIDTH == 4; // refused here

@compute @workgroup_size(1)
fn main() {
    y[0] = WIDTH;
}
