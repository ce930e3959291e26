// extractBits of u32: offset and count are cut to the word (section Numeric Built-in Functions).
//! grid: 10
//! in x: u32 = 0x89abcdef 0x89abcdef 0x89abcdef 0x89abcdef 0x89abcdef 0x76543210 0x76543210 0x76543210 0x76543210
//!     0x76543210
//! in o: u32 = 0 0 31 32 33 0xffffffff 5 16 8 0
//! in c: u32 = 0 32 1 1 0 0xffffffff 7 16 0xffffffff 33
//! out y: u32 = 0 0x89abcdef 1 0 0 0 16 30292 0x765432 0x76543210

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> o: array<u32>;
@group(0) @binding(2) var<storage, read> c: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = extractBits(x[i], o[i], c[i]);
}
