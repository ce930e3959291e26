// unpack4x8snorm divides each field by 127, and the least one gives -1 too (section Data Unpacking Built-in
// Functions).
//! grid: 6
//! in x: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0x80007fff
//! out y: f32 = 0 0 0 0 -0.007874015748031496 -0.007874015748031496 -0.007874015748031496 -0.007874015748031496 -1
//!     -1 -1 -1 1 1 1 1 0.031496062992125984 0.023622047244094488 0.015748031496062992 0.007874015748031496
//!     -0.007874015748031496 1 0 -1 ~ ulp 3

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack4x8snorm(x[id.x]);
}
