// Bits keep their value between f32, i32 and u32, as scalars and as vectors.
//! grid: 6
//! in x: u32 = 0 0x80000000 0x3f800000 0xff800000 0xbfc00000 0x42f6e979
//! out f: f32 = 0 -0 1 -inf -1.5 0x42f6e979
//! out s: i32 = each(6, i32(x[i]))
//! out back: u32 = each(6, x[i])
//! out v: u32 = each(6, u32(x[i] + 1)) each(6, u32(x[i] - 1))

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> f: array<f32>;
@group(0) @binding(2) var<storage, read_write> s: array<i32>;
@group(0) @binding(3) var<storage, read_write> back: array<u32>;
@group(0) @binding(4) var<storage, read_write> v: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    f[i] = bitcast<f32>(x[i]);
    s[i] = bitcast<i32>(x[i]);
    back[i] = bitcast<u32>(bitcast<i32>(x[i]));
    let pair = bitcast<vec2i>(vec2u(x[i])) + vec2i(1, -1);
    let bits = bitcast<vec2u>(pair);
    v[i] = bits.x;
    v[i + 6] = bits.y;
}
