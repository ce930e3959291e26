// insertBits of i32: offset and count are cut to the word, and no other bit changes (section Numeric Built-in
// Functions).
//! grid: 10
//! in x: i32 = -1985229329 -1985229329 -1985229329 -1985229329 -1985229329 1985229328 1985229328 1985229328
//!     1985229328 1985229328
//! in o: u32 = 0 0 31 32 33 0xffffffff 5 16 8 0
//! in c: u32 = 0 32 1 1 0 0xffffffff 7 16 0xffffffff 33
//! out y: i32 = -1985229329 1515870810 162254319 -1985229329 -1985229329 1985229328 1985231696 1515860496
//!     1515870736 1515870810

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read> o: array<u32>;
@group(0) @binding(2) var<storage, read> c: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = insertBits(x[i], 0x5a5a5a5ai, o[i], c[i]);
}
