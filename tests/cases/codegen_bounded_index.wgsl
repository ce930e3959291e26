// An index that cannot be out of bounds is compared with nothing.
//! grid: 256
//! in at: u32 = each(256, i * 7)
//! in x: u32 = seq(16, 100, 1)
//! out y: u32 = each(256, 100 + (i * 7) % 16)
//! asm loop has: vpgatherdd x8 lacks: vpmaxud; vpminud; jge; jae

@group(0) @binding(0) var<storage, read> at: array<u32, 256>;
@group(0) @binding(1) var<storage, read> x: array<u32, 16>;
@group(0) @binding(2) var<storage, read_write> y: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) i: u32) {
    y[i] = x[at[i] & 15];
}
