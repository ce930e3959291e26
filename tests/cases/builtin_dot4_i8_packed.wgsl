// dot4I8Packed: the four bytes of each word are signed (section Numeric Built-in Functions).
//! grid: 7
//! in a: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0xff00ff00 0x12345678
//! in b: u32 = 0xffffffff 0xffffffff 0x7f7f7f7f 0x80807f7f 0x5060708 0xff00ff 0x9abcdef0
//! out y: i32 = 0 4 -65024 -254 70 0 -10216

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = dot4I8Packed(a[i], b[i]);
}
