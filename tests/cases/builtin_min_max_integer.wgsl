// min and max of i32 heed the sign, those of u32 do not (section Numeric Built-in Functions).
//! grid: 12
//! in a: i32 = 0 1 -1 5 -5 2147483647 -2147483648 -2147483647 256 -256 1431655765 -1431655766
//! in b: i32 = 5 -5 2147483647 -2147483648 -2147483647 256 -256 1431655765 -1431655766 0 1 -1
//! in c: u32 = 0 1 0xffffffff 5 0xfffffffb 0x7fffffff 0x80000000 0x80000001 256 0xffffff00 0x55555555 0xaaaaaaaa
//! in d: u32 = 0x7fffffff 0x80000000 0x80000001 256 0xffffff00 0x55555555 0xaaaaaaaa 0 1 0xffffffff 5 0xfffffffb
//! out low: i32 = 0 -5 -1 -2147483648 -2147483647 256 -2147483648 -2147483647 -1431655766 -256 1 -1431655766
//! out high: i32 = 5 1 2147483647 5 -5 2147483647 -256 1431655765 256 0 1431655765 -1
//! out least: u32 = 0 1 0x80000001 5 0xffffff00 0x55555555 0x80000000 0 1 0xffffff00 5 0xaaaaaaaa
//! out most: u32 = 0x7fffffff 0x80000000 0xffffffff 256 0xfffffffb 0x7fffffff 0xaaaaaaaa 0x80000001 256 0xffffffff
//!     0x55555555 0xfffffffb

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read> c: array<u32>;
@group(0) @binding(3) var<storage, read> d: array<u32>;
@group(0) @binding(4) var<storage, read_write> low: array<i32>;
@group(0) @binding(5) var<storage, read_write> high: array<i32>;
@group(0) @binding(6) var<storage, read_write> least: array<u32>;
@group(0) @binding(7) var<storage, read_write> most: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    low[i] = min(a[i], b[i]);
    high[i] = max(a[i], b[i]);
    least[i] = min(c[i], d[i]);
    most[i] = max(c[i], d[i]);
}
