// Floats out of an integer type's range become the nearest number that both types hold (section 15.7.6): not
// 2^31 - 1 or 2^32 - 1, which no f32 is.
//! grid: 9
//! in f: f32 = 3e9 -3e9 5e9 -0.5 2147483648 -2147483648 4294967296 2147483520 -1e30
//! out s: i32 = 2147483520 -2147483648 2147483520 0 2147483520 -2147483648 2147483520 2147483520 -2147483648
//! out u: u32 = 3000000000 0 4294967040 0 2147483648 0 4294967040 2147483520 0

@group(0) @binding(0) var<storage, read> f: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> u: array<u32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    s[id.x] = i32(f[id.x]);
    u[id.x] = u32(f[id.x]);
}
