// dot of vectors of u32 wraps (section Numeric Built-in Functions).
//! grid: 1
//! in a: u32 = 7 0xfffffffd 0x186a0 65536 5 0xfffffffa 0x77359400 3
//! in b: u32 = 11 13 50000 65536 0xfffffff9 8 2 0xfffffff7
//! out y: u32 = 0x2a05f226 0xee6b2792 38 0xee6b27ad

@group(0) @binding(0) var<storage, read> a: array<vec4<u32>, 2>;
@group(0) @binding(1) var<storage, read> b: array<vec4<u32>, 2>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = dot(a[0], b[0]);
    y[1] = dot(a[1], b[1]);
    y[2] = dot(a[0].xy, b[0].xy);
    y[3] = dot(a[1].xyz, b[1].xyz);
}
