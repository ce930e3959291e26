// An override constant is named by its @id (section Override Declarations).
//! grid: 1
//! const 7 = 11
//! out y: u32 = 11

@id(7) override VALUE: u32 = 1;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = VALUE;
}
