// length is inherited from the square root of a dot product, and abs of a scalar (section Floating Point Accuracy).
//! grid: 1
//! in a: f32 = 3 4 12 84
//! out y: f32 = 5 13 85 4 ~ ulp 8

@group(0) @binding(0) var<storage, read> a: vec4<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = length(a.xy);
    y[1] = length(a.xyz);
    y[2] = length(a);
    y[3] = length(-a.y);
}
