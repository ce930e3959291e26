// pack2x16unorm clamps, scales, and rounds each component by floor(0.5 + x) (section Data Packing Built-in
// Functions).
//! grid: 6
//! in x: f32 = -1 1 0 0.65 -2 3 -0.65 0.15 0.2 -0.2 0.45 -0.15
//! out y: u32 = 0xffff0000 0xa6660000 0xffff0000 0x26660000 13107 29491

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack2x16unorm(x[id.x]);
}
