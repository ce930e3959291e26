// 0.5 * ln((1 + x) / (1 - x)) of the single next to -1.
//! workgroups: 1
//! in x: f32 = -0.99999994
//! out y: f32 = -8.66433975 -8.66433975 0.1003353477310756 ~ ulp 4

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1) fn main() {
    y[0] = atanh(-0.9999999403953552f);
    y[1] = atanh(x[0]);
    y[2] = atanh(0.1);
}
