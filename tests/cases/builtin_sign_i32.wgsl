// sign of i32 is -1, 0 or 1 (section Numeric Built-in Functions).
//! grid: 12
//! in a: i32 = 0 1 -1 5 -5 2147483647 -2147483648 -2147483647 256 -256 1431655765 -1431655766
//! out y: i32 = 0 1 -1 1 -1 1 -1 -1 1 -1 1 -1

@group(0) @binding(0) var<storage, read> a: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(12)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = sign(a[i]);
}
