// Conversions of integers to halves are exact up to 2048.
//! grid: 6
//! in a: i32 = 0 1 -1 2048 -2048 1024
//! in b: u32 = 0 1 2048 2046 1023 512
//! out x: f16 = 0 1 -1 2048 -2048 1024
//! out z: f16 = 0 1 2048 2046 1023 512

enable f16;

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<f16>;
@group(0) @binding(3) var<storage, read_write> z: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = f16(a[i]);
    z[i] = f16(b[i]);
}
