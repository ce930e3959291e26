// unpack4xI8 extends the sign of each byte (section Data Unpacking Built-in Functions).
//! grid: 6
//! in x: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0x80007fff
//! out y: i32 = 0 0 0 0 -1 -1 -1 -1 -128 -128 -128 -128 127 127 127 127 4 3 2 1 -1 127 0 -128

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<i32>>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack4xI8(x[id.x]);
}
