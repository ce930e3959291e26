// extractBits and insertBits: the sign is extended for i32, and ranges past bit 31 are cut (section 17.3).
//! grid: 8
//! in offset: u32 = 0 4 28 31 32 40 0 16
//! in count: u32 = 4 8 4 1 4 4 32 99
//! out u: u32 = 0xb 0xdb 0xf 1 0 0 0xf1234dbb 0xf123
//!     0xf1234db5 0xf123405b 0x51234dbb 0xf1234dbb 0xf1234dbb 0xf1234dbb 0xffff0005 0x00054dbb
//! out s: i32 = -5 -37 -1 -1 0 0 -249344581 -3805

@group(0) @binding(0) var<storage, read> offset: array<u32>;
@group(0) @binding(1) var<storage, read> count: array<u32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;
@group(0) @binding(3) var<storage, read_write> s: array<i32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let word = 0xf1234dbbu;
    u[i] = extractBits(word, offset[i], count[i]);
    u[i + 8] = insertBits(word, 0xffff0005u, offset[i], count[i]);
    s[i] = extractBits(bitcast<i32>(word), offset[i], count[i]);
}
