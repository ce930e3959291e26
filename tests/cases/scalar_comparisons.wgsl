// All comparisons of the three number types: signed and unsigned order differ, -0 equals 0.
//! grid: 6
//! in a: u32 = 0 1 0xffffffff 0x80000000 0x7fffffff 0xbf800000
//! in b: u32 = 0 2 1 0x7fffffff 0x80000000 0x3f800000
//! out y: u32 = each(6, (a[i] == b[i]) + 2 * (a[i] != b[i]) + 4 * (a[i] < b[i]) + 8 * (a[i] <= b[i]) + 16 * (a[i] > b[i]) + 32 * (a[i] >= b[i]))
//!     each(6, (i32(a[i]) == i32(b[i])) + 2 * (i32(a[i]) != i32(b[i])) + 4 * (i32(a[i]) < i32(b[i])) + 8 * (i32(a[i]) <= i32(b[i])) + 16 * (i32(a[i]) > i32(b[i])) + 32 * (i32(a[i]) >= i32(b[i])))
//! in f: f32 = 0 -0 1 -1 inf 1e30
//! in g: f32 = -0 0 2 -2 1 inf
//! out w: u32 = each(6, (f[i] == g[i]) + 2 * (f[i] != g[i]) + 4 * (f[i] < g[i]) + 8 * (f[i] <= g[i]) + 16 * (f[i] > g[i]) + 32 * (f[i] >= g[i]))

@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read> f: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;
@group(0) @binding(5) var<storage, read_write> w: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let p = a[i];
    let q = b[i];
    y[i] = u32(p == q) + 2 * u32(p != q) + 4 * u32(p < q) + 8 * u32(p <= q) + 16 * u32(p > q) + 32 * u32(p >= q);
    let s = i32(p);
    let t = i32(q);
    y[i + 6] = u32(s == t) + 2 * u32(s != t) + 4 * u32(s < t) + 8 * u32(s <= t) + 16 * u32(s > t) + 32 * u32(s >= t);
    let m = f[i];
    let n = g[i];
    w[i] = u32(m == n) + 2 * u32(m != n) + 4 * u32(m < n) + 8 * u32(m <= n) + 16 * u32(m > n) + 32 * u32(m >= n);
}
