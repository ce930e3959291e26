// Rounding to halves: to nearest even, beyond the range to infinity, subnormal halves kept.
//! grid: 6
//! device: cpu, because WGSL leaves rounding, subnormals and overflow of halves open (sections 15.7.2 and 15.7.6)
//! in x: f32 = 1.00048828125 1.00146484375  65519 65520  5.9604644775390625e-8 2.98e-8  inf nan  1e-5 -1e-7  0.1 -0
//! out p: u32 = 0x3c023c00 0x7c007bff 0x00000001 0x7e007c00 0x800200a8 0x80002e66
//! out back: f32 = 0 0x80000000  -0.0009765625 inf  0x33800000 0x80000000  nan 1.5  _ _  _ _
//! in w: u32 = 0x80000000 0x7c009400 0x80000001 0x3e007c01 0 0

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read_write> p: array<u32>;
@group(0) @binding(3) var<storage, read_write> back: array<vec2f>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    p[id.x] = pack2x16float(x[id.x]);
    back[id.x] = unpack2x16float(w[id.x]);
}
