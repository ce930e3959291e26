// pack4xU8 keeps the low eight bits of each component (section Data Packing Built-in Functions).
//! grid: 4
//! in x: u32 = 0 0xffffffff 127 0xffffff80 128 0xffffff7f 255 256 300 0xfffffed4 5 0x80000000 0x7fffffff 65
//!     0xffffffbf 1
//! out y: u32 = 0x807fff00 0xff7f80 0x5d42c 0x1bf41ff

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack4xU8(x[id.x]);
}
