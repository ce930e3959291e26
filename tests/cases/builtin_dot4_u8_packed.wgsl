// dot4U8Packed: the four bytes of each word are unsigned (section Numeric Built-in Functions).
//! grid: 7
//! in a: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0xff00ff00 0x12345678
//! in b: u32 = 0xffffffff 0xffffffff 0x7f7f7f7f 0x80807f7f 0x5060708 0xff00ff 0x9abcdef0
//! out y: u32 = 0 0x3f804 65024 64770 70 0 60440

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = dot4U8Packed(a[i], b[i]);
}
