// unpack2x16unorm divides each field by 65535 (section Data Unpacking Built-in Functions).
//! grid: 6
//! in x: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0x80007fff
//! out y: f32 = 0 0 1 1 0.5019607843137255 0.5019607843137255 0.4980392156862745 0.4980392156862745
//!     0.011779964904249637 0.003936827649347677 0.49999237048905165 0.5000076295109483 ~ ulp 3

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2f>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack2x16unorm(x[id.x]);
}
