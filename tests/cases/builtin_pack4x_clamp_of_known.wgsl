// Packing with clamps where a compiler can tell the components: negative ones stay negative (section pack4xI8Clamp).
//! grid: 1
//! out signed: u32 = 0xf9f9f9f9 0x05807ff9
//! out unsigned: u32 = 0x07070707 0xff00ff07

@group(0) @binding(0) var<storage, read_write> signed: array<u32>;
@group(0) @binding(1) var<storage, read_write> unsigned: array<u32>;

var<private> minus: i32 = -7i;
var<private> seven: u32 = 7u;

@compute @workgroup_size(1)
fn main() {
    signed[0] = pack4xI8Clamp(vec4i(minus));
    signed[1] = pack4xI8Clamp(vec4i(minus, 300, -300, 5));
    unsigned[0] = pack4xU8Clamp(vec4u(seven));
    unsigned[1] = pack4xU8Clamp(vec4u(seven, 300, 0, 255));
}
