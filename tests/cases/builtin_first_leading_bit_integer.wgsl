// firstLeadingBit of i32 and u32. The highest bit that differs from the sign, or is one in a u32; -1 where there is
// none (section Numeric Built-in Functions).
//! grid: 12
//! in a: i32 = 0 1 -1 5 -5 2147483647 -2147483648 -2147483647 256 -256 1431655765 -1431655766
//! in b: u32 = 0 1 0xffffffff 5 0xfffffffb 0x7fffffff 0x80000000 0x80000001 256 0xffffff00 0x55555555 0xaaaaaaaa
//! out s: i32 = -1 0 -1 2 2 30 30 30 8 7 30 30
//! out u: u32 = 0xffffffff 0 31 2 31 30 31 31 8 31 30 31

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> s: array<i32>;
@group(0) @binding(3) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    s[i] = firstLeadingBit(a[i]);
    u[i] = firstLeadingBit(b[i]);
}
