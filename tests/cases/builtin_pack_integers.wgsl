// pack4xI8, pack4xU8, their clamping forms, and the way back.
//! grid: 1
//! in s: i32 = 1 -1 127 -128
//! in t: i32 = 300 -300 128 5
//! in u: u32 = 1 255 256 0x12345678
//! out y: u32 = 0x807fff01 0x0580d42c 0x057f807f 0x7800ff01 0xffffff01 1 255 127 128
//! out z: i32 = 1 -1 127 -128

@group(0) @binding(0) var<storage, read> s: vec4i;
@group(0) @binding(1) var<storage, read> t: vec4i;
@group(0) @binding(2) var<storage, read> u: vec4u;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;
@group(0) @binding(4) var<storage, read_write> z: vec4i;

@compute @workgroup_size(1)
fn main() {
    let packed = pack4xI8(s);
    y[0] = packed;
    y[1] = pack4xI8(t);
    y[2] = pack4xI8Clamp(t);
    y[3] = pack4xU8(u);
    y[4] = pack4xU8Clamp(u);
    let bytes = unpack4xU8(packed);
    y[5] = bytes.x;
    y[6] = bytes.y;
    y[7] = bytes.z;
    y[8] = bytes.w;
    z = unpack4xI8(packed);
}
