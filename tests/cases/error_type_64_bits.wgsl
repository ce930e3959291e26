// Types of 64 bits are for GPUs that have them; the CPU engine names the feature.
//! workgroups: 1
//! device: cpu, because some GPUs have them
//! out y: u32 = 1
//! error: shader-f64

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    var x = 1.0lf;
    y[0] = u32(x);
}
