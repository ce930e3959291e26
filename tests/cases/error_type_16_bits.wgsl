// Integers of 16 bits are refused in plain words.
//! error: 16-bit integers (i16)

enable wgpu_int16;
@group(0) @binding(0) var<storage, read_write> y: array<i16>; // refused here

@compute @workgroup_size(1)
fn main() {
    y[0] = 1;
}
