// + - * / % and negation of i32, wrapping; division by zero and INT_MIN / -1 as WGSL defines them
// (section 8.7, arithmetic expressions: x / 0 is x, x % 0 is 0, INT_MIN / -1 is INT_MIN, INT_MIN % -1 is 0).
//! grid: 12
//! in a: i32 = 7 -7 7 -7 0 5 -2147483648 2147483647 -2147483648 46341 -1 123456789
//! in b: i32 = 2 2 -2 -2 3 0 -1 1 0 46341 -2147483648 -1000
//! out sum: i32 = each(12, i32(a[i] + b[i]))
//! out difference: i32 = each(12, i32(a[i] - b[i]))
//! out product: i32 = each(12, i32(a[i] * b[i]))
//! out quotient: i32 = each(12, b[i] == 0 ? a[i] : i32(a[i] / b[i]))
//! out rest: i32 = each(12, b[i] == 0 ? 0 : a[i] % b[i])
//! out negated: i32 = each(12, i32(-a[i]))

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> sum: array<i32>;
@group(0) @binding(3) var<storage, read_write> difference: array<i32>;
@group(0) @binding(4) var<storage, read_write> product: array<i32>;
@group(0) @binding(5) var<storage, read_write> quotient: array<i32>;
@group(0) @binding(6) var<storage, read_write> rest: array<i32>;
@group(0) @binding(7) var<storage, read_write> negated: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
    difference[i] = a[i] - b[i];
    product[i] = a[i] * b[i];
    quotient[i] = a[i] / b[i];
    rest[i] = a[i] % b[i];
    negated[i] = -a[i];
}
