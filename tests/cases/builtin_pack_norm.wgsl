// pack4x8snorm, pack4x8unorm, pack2x16snorm, pack2x16unorm, values out of range included, and back.
//! grid: 3
//! in x: f32 = 0 1 -1 0.5001  2 -2 0.1 -0.1  0.25 0.75 -0.3 0.996
//! out p: u32 = each(3,
//!     (int(floor(0.5 + 127 * min(1, max(-1, x[4 * i])))) & 255)
//!     | (int(floor(0.5 + 127 * min(1, max(-1, x[4 * i + 1])))) & 255) << 8
//!     | (int(floor(0.5 + 127 * min(1, max(-1, x[4 * i + 2])))) & 255) << 16
//!     | (int(floor(0.5 + 127 * min(1, max(-1, x[4 * i + 3])))) & 255) << 24)
//!     each(3,
//!     int(floor(0.5 + 255 * min(1, max(0, x[4 * i]))))
//!     | int(floor(0.5 + 255 * min(1, max(0, x[4 * i + 1])))) << 8
//!     | int(floor(0.5 + 255 * min(1, max(0, x[4 * i + 2])))) << 16
//!     | int(floor(0.5 + 255 * min(1, max(0, x[4 * i + 3])))) << 24)
//!     each(3,
//!     (int(floor(0.5 + 32767 * min(1, max(-1, x[4 * i])))) & 65535)
//!     | (int(floor(0.5 + 32767 * min(1, max(-1, x[4 * i + 1])))) & 65535) << 16)
//!     each(3,
//!     int(floor(0.5 + 65535 * min(1, max(0, x[4 * i + 2]))))
//!     | int(floor(0.5 + 65535 * min(1, max(0, x[4 * i + 3])))) << 16)
//! in w: u32 = 0x7f80ff01 0x81ff0040 0x8000ffff
//! out u: f32 =
//!     0.007874015748031496 -0.007874015748031496 -1 1
//!     0.00392156862745098 1 0.5019607843137255 0.4980392156862745
//!     -0.007782219916379284 0.9961241 _ _
//!     ~ ulp 4 abs 1e-7

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<u32>;
@group(0) @binding(2) var<storage, read_write> p: array<u32>;
@group(0) @binding(3) var<storage, read_write> u: array<vec4f>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    p[i] = pack4x8snorm(x[i]);
    p[i + 3] = pack4x8unorm(x[i]);
    p[i + 6] = pack2x16snorm(x[i].xy);
    p[i + 9] = pack2x16unorm(x[i].zw);
    switch (i) {
        case 0: { u[0] = unpack4x8snorm(w[0]); }
        case 1: { u[1] = unpack4x8unorm(w[0]); }
        default: { u[2] = vec4f(unpack2x16snorm(w[0]).x, unpack2x16snorm(w[0]).y, unpack2x16unorm(w[2])); }
    }
}
