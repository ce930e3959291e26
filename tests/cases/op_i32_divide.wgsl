// Division of i32 truncates; x / 0 is x, and the least number by -1 is itself (section Arithmetic Expressions).
//! grid: 15
//! in a: i32 = 0 1 -1 7 -7 2147483647 -2147483648 -2147483647 65536 -65536 1000003 2147483647 5 -2147483648 -9
//! in b: i32 = 0 -1 -1 3 3 1 -1 -2147483648 65536 65537 -999983 2147483647 0 0 2
//! out y: i32 = 0 -1 1 2 -2 2147483647 -2147483648 0 1 0 -1 1 5 -2147483648 -4

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read> b: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(15)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] / b[i];
}
