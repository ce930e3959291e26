// & | ^ ~ << >> of both integer types; >> of i32 keeps the sign; shift amounts count modulo 32 (section 8.9).
//! grid: 8
//! in a: u32 = 0 1 0xffffffff 0x80000000 0xdeadbeef 0x0f0f0f0f 12345 0x80000001
//! in b: u32 = 0 31 0xff00ff00 1 4 32 33 63
//! out y: u32 = each(8, a[i] & b[i]) each(8, a[i] | b[i]) each(8, a[i] ^ b[i]) each(8, u32(~a[i]))
//!     each(8, u32(a[i] << b[i] % 32)) each(8, a[i] >> b[i] % 32)
//! out z: i32 = each(8, i32(~a[i])) each(8, i32(a[i] << b[i] % 32)) each(8, i32(a[i]) >> b[i] % 32)

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> z: array<i32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] & b[i];
    y[i + 8] = a[i] | b[i];
    y[i + 16] = a[i] ^ b[i];
    y[i + 24] = ~a[i];
    y[i + 32] = a[i] << b[i];
    y[i + 40] = a[i] >> b[i];
    let s = bitcast<i32>(a[i]);
    z[i] = ~s;
    z[i + 8] = s << b[i];
    z[i + 16] = s >> b[i];
}
