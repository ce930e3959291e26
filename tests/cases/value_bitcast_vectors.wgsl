// bitcast between vectors of f32, i32 and u32 keeps the bits (section Bit Reinterpretation).
//! grid: 4
//! out y: u32 = 0x3f800000 0xffffffff 0x80000000 0x7f7fffff

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let bits = vec4u(0x3f800000, 0xffffffff, 0x80000000, 0x7f7fffff);
    let signed = bitcast<vec4i>(bits);
    let back = bitcast<vec4u>(signed);
    let floats = bitcast<vec2f>(back.xw);
    let again = bitcast<vec2u>(floats);
    y[i] = select(back[i], again[i / 3], i % 3 == 0);
}
