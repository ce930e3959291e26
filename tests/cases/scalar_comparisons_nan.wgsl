// A comparison with NaN is false, save `!=`.
//! grid: 3
//! device: cpu, because WGSL lets an implementation assume that there is no NaN (section 15.7.2)
//! in x: f32 = nan 1 nan
//! in y: f32 = 1 nan nan
//! out z: u32 = 2 2 2

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<u32>;

@compute @workgroup_size(3)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let m = x[id.x];
    let n = y[id.x];
    z[id.x] = u32(m == n) + 2 * u32(m != n) + 4 * u32(m < n) + 8 * u32(m <= n) + 16 * u32(m > n) + 32 * u32(m >= n);
}
