// pack2x16float of numbers that halves hold is exact, and the first goes low (section Data Packing Built-in
// Functions).
//! grid: 5
//! in x: f32 = 1 -2 65504 0.5 0.33325195 0xba800000 0 2048 0x38800000 -65504
//! out y: u32 = 0xc0003c00 0x38007bff 0x94003555 0x68000000 0xfbff0400

@group(0) @binding(0) var<storage, read> x: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack2x16float(x[id.x]);
}
