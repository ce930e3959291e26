// 64-bit types are refused in plain words.
//! error: f64

@group(0) @binding(0) var<storage, read_write> y: array<f64>; // refused here

@compute @workgroup_size(1)
fn main() {
    y[0] = 1.0lf;
}
