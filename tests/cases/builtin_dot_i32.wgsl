// dot of vectors of i32 wraps (section Numeric Built-in Functions).
//! grid: 1
//! in a: i32 = 7 -3 100000 65536 5 -6 2000000000 3
//! in b: i32 = 11 13 50000 65536 -7 8 2 -9
//! out y: i32 = 705032742 -294967406 38 -294967379

@group(0) @binding(0) var<storage, read> a: array<vec4<i32>, 2>;
@group(0) @binding(1) var<storage, read> b: array<vec4<i32>, 2>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = dot(a[0], b[0]);
    y[1] = dot(a[1], b[1]);
    y[2] = dot(a[0].xy, b[0].xy);
    y[3] = dot(a[1].xyz, b[1].xyz);
}
