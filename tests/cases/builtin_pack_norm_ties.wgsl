// Packing rounds what lies halfway upwards, as floor(0.5 + x) says (section Data Packing Built-in Functions).
//! grid: 1
//! device: cpu, because drivers round it to even
//! in x: f32 = 0.5 -0.5 0.5 -0.5
//! out y: u32 = 0xc140c140 0x80808080 0xc0014000 0x80008000

@group(0) @binding(0) var<storage, read> x: vec4f;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = pack4x8snorm(x);
    y[1] = pack4x8unorm(abs(x));
    y[2] = pack2x16snorm(x.xy);
    y[3] = pack2x16unorm(abs(x.xy));
}
