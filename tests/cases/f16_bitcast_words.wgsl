// Halves in the bits of 32-bit types: the first component lies in the low bits (section bitcast).
//! workgroups: 1
//! in x: u32 = 0x40003c00 0xc0004200
//! out y: f32 = 1 2 3 -2 1 2
//! out z: u32 = 0x40003c00 0x40003c00 0xc0004200 1073757184 2 0x40003c00 0x3c003c00

enable f16;
alias Pair = vec2h;
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<u32>;

const KNOWN = bitcast<vec2<f16>>(0x40003c00u);

fn low(h: vec2h) -> u32 { return bitcast<u32>(h) & 0xffffu; }

@compute @workgroup_size(1) fn main() {
    let h = bitcast<Pair>(x[0]);
    y[0] = f32(h.x);
    y[1] = f32(h.y);
    let four = bitcast<vec4<f16>>(vec2u(x[0], x[1]));
    y[2] = f32(four.z);
    y[3] = f32(four.w);
    y[4] = f32(KNOWN.x);
    y[5] = f32(KNOWN.y);
    z[0] = bitcast<u32>(h);
    let back = bitcast<vec2<u32>>(four);
    z[1] = back.x;
    z[2] = back.y;
    // Through a float and a signed integer, and arithmetic on what comes out.
    z[3] = u32(bitcast<i32>(h) + 0);
    z[4] = u32(round(bitcast<f32>(h)));
    z[5] = bitcast<u32>(bitcast<vec2h>(bitcast<f32>(h)));
    z[6] = low(h) | (low(h) << 16u);
}
