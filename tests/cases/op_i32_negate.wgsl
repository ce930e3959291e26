// Negation of i32: the least number is its own negative (section Arithmetic Expressions).
//! grid: 12
//! in a: i32 = 0 1 -1 7 -7 2147483647 -2147483648 -2147483647 65536 -65536 1000003 2147483647
//! out y: i32 = 0 -1 1 -7 7 -2147483647 -2147483648 2147483647 -65536 65536 -1000003 -2147483647

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = -a[i];
}
