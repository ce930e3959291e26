// pack4x8unorm clamps, scales, and rounds each component by floor(0.5 + x) (section Data Packing Built-in
// Functions).
//! grid: 3
//! in x: f32 = -1 1 0 0.65 -2 3 -0.65 0.15 0.2 -0.2 0.45 -0.15
//! out y: u32 = 0xa600ff00 0x2600ff00 0x730033

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = pack4x8unorm(x[id.x]);
}
