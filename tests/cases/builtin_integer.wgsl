// abs, min, max, clamp, sign, dot of integers at their limits.
//! grid: 8
//! in a: i32 = 0 -1 1 -2147483648 2147483647 -7 100 -100
//! in b: i32 = 1 -2 1 2147483647 -2147483648 7 -5 50
//! out y: i32 = each(8, i32(abs(a[i]))) each(8, min(a[i], b[i])) each(8, max(a[i], b[i])) each(8, sign(a[i]))
//!     each(8, min(max(a[i], -50), 60))
//! out u: u32 = each(8, min(u32(a[i]), u32(b[i]))) each(8, max(u32(a[i]), u32(b[i])))
//!     each(8, min(max(u32(a[i]), 2), 200)) each(8, u32(a[i]))
//! out d: i32 = each(8, i32(a[i] * b[i] + b[i] * 3))

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;
@group(0) @binding(3) var<storage, read_write> u: array<u32>;
@group(0) @binding(4) var<storage, read_write> d: array<i32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = abs(a[i]);
    y[i + 8] = min(a[i], b[i]);
    y[i + 16] = max(a[i], b[i]);
    y[i + 24] = sign(a[i]);
    y[i + 32] = clamp(a[i], -50, 60);
    let p = u32(a[i]);
    let q = u32(b[i]);
    u[i] = min(p, q);
    u[i + 8] = max(p, q);
    u[i + 16] = clamp(p, 2u, 200u);
    u[i + 24] = abs(p);
    d[i] = dot(vec2i(a[i], b[i]), vec2i(b[i], 3));
}
