// distance is the length of the difference (section Numeric Built-in Functions).
//! grid: 1
//! in a: f16 = 3 4 12 84
//! in b: f16 = 0 8 9 80
//! out y: f16 = 5 5.830951894845301 7.0710678118654755 4 ~ ulp 8

enable f16;

@group(0) @binding(0) var<storage, read> a: vec4<f16>;
@group(0) @binding(1) var<storage, read> b: vec4<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    y[0] = distance(a.xy, b.xy);
    y[1] = distance(a.xyz, b.xyz);
    y[2] = distance(a, b);
    y[3] = distance(a.y, b.y);
}
