// The remainder of i32 has the sign of the dividend; x % 0 is 0, and so is the least number % -1 (section
// Arithmetic Expressions).
//! grid: 15
//! in a: i32 = 0 1 -1 7 -7 2147483647 -2147483648 -2147483647 65536 -65536 1000003 2147483647 5 -2147483648 -9
//! in b: i32 = 0 -1 -1 3 3 1 -1 -2147483648 65536 65537 -999983 2147483647 0 0 2
//! out y: i32 = 0 0 0 1 -1 0 0 -2147483647 0 -65536 20 0 0 0 -1

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(15)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] % b[i];
}
