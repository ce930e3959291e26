// pack4xI8 keeps the low eight bits of each component (section Data Packing Built-in Functions).
//! grid: 4
//! in x: i32 = 0 -1 127 -128 128 -129 255 256 300 -300 5 -2147483648 2147483647 65 -65 1
//! out y: u32 = 0x807fff00 0xff7f80 0x5d42c 0x1bf41ff

@group(0) @binding(0) var<storage, read> x: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack4xI8(x[id.x]);
}
