// One that may be out of bounds is, and takes part in no access then.
//! grid: 256
//! in at: u32 = each(256, i * 7)
//! in x: u32 = seq(17, 100, 1)
//! out y: u32 = each(256, (i * 7) % 32 < 17 ? 100 + (i * 7) % 32 : 0)
//! asm loop has: vpgatherdd x8; vpmaxud x8

@group(0) @binding(0) var<storage, read> at: array<u32, 256>;
@group(0) @binding(1) var<storage, read> x: array<u32, 17>;
@group(0) @binding(2) var<storage, read_write> y: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) i: u32) {
    y[i] = x[at[i] & 31];
}
