// pack4xI8Clamp clamps each component to -128 and 127 (section Data Packing Built-in Functions).
//! grid: 4
//! in x: i32 = 0 -1 127 -128 128 -129 255 256 300 -300 5 -2147483648 2147483647 65 -65 1
//! out y: u32 = 0x807fff00 0x7f7f807f 0x8005807f 0x1bf417f

@group(0) @binding(0) var<storage, read> x: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack4xI8Clamp(x[id.x]);
}
