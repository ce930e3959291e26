// pack2x16float and unpack2x16float of values that a half holds exactly.
//! grid: 4
//! in x: f32 = 0 1  -2 65504  0.5 -0.000030517578125  1023.5 -0.333251953125
//! out p: u32 = 0x3c000000 0x7bffc000 0x82003800 0xb55563ff
//! out back: f32 = 0 1  -2 65504  0.5 -0.000030517578125  1023.5 -0.333251953125
//!     ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> p: array<u32>;
@group(0) @binding(2) var<storage, read_write> back: array<vec2f>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let packed = pack2x16float(x[id.x]);
    p[id.x] = packed;
    back[id.x] = unpack2x16float(packed);
}
