// dot of vectors of f16 where every sum is exact (section Numeric Built-in Functions).
//! grid: 1
//! in a: f16 = 1 -2 3 0.5
//! in b: f16 = 2 1 -1 4
//! out y: f16 = -1 -3 0 14.25

enable f16;

@group(0) @binding(0) var<storage, read> a: vec4<f16>;
@group(0) @binding(1) var<storage, read> b: vec4<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    y[0] = dot(a, b);
    y[1] = dot(a.xyz, b.xyz);
    y[2] = dot(a.xy, b.xy);
    y[3] = dot(a, a);
}
