// A fixed array of 1,000 words copied as one value, and one swapped with another through a variable.
//! grid: 1
//! in x: u32 = hash(1000, 9)
//! inout a: u32 = seq(300) -> seq(300, 5000, -1)
//! inout b: u32 = seq(300, 5000, -1) -> seq(300)
//! out y: u32 = each(1000, x[i])

@group(0) @binding(0) var<storage, read> x: array<u32, 1000>;
@group(0) @binding(1) var<storage, read_write> a: array<u32, 300>;
@group(0) @binding(2) var<storage, read_write> b: array<u32, 300>;
@group(0) @binding(3) var<storage, read_write> y: array<u32, 1000>;

@compute @workgroup_size(1)
fn main() {
    y = x;
    let old = a;
    a = b;
    b = old;
}
