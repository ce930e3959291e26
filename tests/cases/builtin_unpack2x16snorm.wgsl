// unpack2x16snorm divides each field by 32767, and the least one gives -1 too (section Data Unpacking Built-in
// Functions).
//! grid: 6
//! in x: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0x80007fff
//! out y: f32 = 0 0 -3.051850947599719e-05 -3.051850947599719e-05 -0.9961241492965484 -0.9961241492965484
//!     0.9960936307870724 0.9960936307870724 0.023560289315469832 0.007873775444807276 1 -1 ~ ulp 3

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2f>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack2x16snorm(x[id.x]);
}
