// clamp of u32 is min(max(e, low), high), also where low is above high (section Numeric Built-in Functions).
//! grid: 6
//! in e: u32 = 1 1 7 6 2 0x80000000
//! in low: u32 = 3 0 5 10 0xffffffff 0
//! in high: u32 = 7 0 9 4 0xffffffff 0xffffffff
//! out y: u32 = 3 0 7 4 0xffffffff 0x80000000

@group(0) @binding(0) var<storage, read> e: array<u32>;
@group(0) @binding(1) var<storage, read> low: array<u32>;
@group(0) @binding(2) var<storage, read> high: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = clamp(e[i], low[i], high[i]);
}
