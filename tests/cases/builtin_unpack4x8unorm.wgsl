// unpack4x8unorm divides each field by 255 (section Data Unpacking Built-in Functions).
//! grid: 6
//! in x: u32 = 0 0xffffffff 0x80808080 0x7f7f7f7f 0x1020304 0x80007fff
//! out y: f32 = 0 0 0 0 1 1 1 1 0.5019607843137255 0.5019607843137255 0.5019607843137255 0.5019607843137255
//!     0.4980392156862745 0.4980392156862745 0.4980392156862745 0.4980392156862745 0.01568627450980392
//!     0.011764705882352941 0.00784313725490196 0.00392156862745098 1 0.4980392156862745 0 0.5019607843137255 ~ ulp
//!     3

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = unpack4x8unorm(x[id.x]);
}
