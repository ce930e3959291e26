// clamp of i32 is min(max(e, low), high), also where low is above high (section Numeric Built-in Functions).
//! grid: 6
//! in e: i32 = -7 1 7 6 2 -2147483648
//! in low: i32 = -3 0 5 10 -5 0
//! in high: i32 = 3 0 9 4 -5 2147483647
//! out y: i32 = -3 0 7 4 -5 0

@group(0) @binding(0) var<storage, read> e: array<i32>;
@group(0) @binding(1) var<storage, read> low: array<i32>;
@group(0) @binding(2) var<storage, read> high: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = clamp(e[i], low[i], high[i]);
}
