// + - * / % of u32, wrapping; x / 0 is x and x % 0 is 0 (section 8.7).
//! grid: 10
//! in a: u32 = 7 0 5 0xffffffff 0xffffffff 0x80000000 65536 12345 3000000000 1
//! in b: u32 = 2 3 0 0xffffffff 2 3 65536 0 7 0xffffffff
//! out sum: u32 = each(10, u32(a[i] + b[i]))
//! out difference: u32 = each(10, u32(a[i] - b[i]))
//! out product: u32 = each(10, u32(a[i] * b[i]))
//! out quotient: u32 = each(10, b[i] == 0 ? a[i] : a[i] / b[i])
//! out rest: u32 = each(10, b[i] == 0 ? 0 : a[i] % b[i])

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> sum: array<u32>;
@group(0) @binding(3) var<storage, read_write> difference: array<u32>;
@group(0) @binding(4) var<storage, read_write> product: array<u32>;
@group(0) @binding(5) var<storage, read_write> quotient: array<u32>;
@group(0) @binding(6) var<storage, read_write> rest: array<u32>;

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    difference[i] = a[i] - b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
    rest[i] = a[i] % b[i];
}
