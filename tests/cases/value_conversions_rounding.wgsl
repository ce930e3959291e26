// Conversions of integers beyond 2^24 to f32 give a neighbour, and the nearest even one on the engine.
//! grid: 6
//! device: cpu, because WGSL leaves the rounding open (section Floating Point Conversion)
//! in a: i32 = 16777217 16777219 -16777217 2147483647 -2147483648 33554435
//! in b: u32 = 0x1000001 0x1000003 0xffffffff 0xffffff7f 0x80000001 0x2000003
//! out x: f32 = 16777216 0x4b800002 -16777216 0x4f000000 0xcf000000 33554436
//! out z: f32 = 16777216 0x4b800002 0x4f800000 0x4f7fffff 0x4f000000 33554436

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = f32(a[i]);
    z[i] = f32(b[i]);
}
