// Indices near 2^32, whose bytes would wrap to the front, are out of bounds.
//! grid: 4
//! inout v: u32 = 1 2 3 4 -> 1 2 3 4
//! out y: u32 = 0*4

@group(0) @binding(0) var<storage, read_write> v: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    let far = 0x40000000u * (i + 1) + select(0u, 0xfffffffcu, i == 3);
    y[i] = v[far | 0x40000000u];
    v[far | 0x40000000u] = 99;
}
