// Indices of type i32, those that count from the end included.
//! grid: 6
//! in x: i32 = 1 2 3 4 5 6
//! out y: i32 = 6 5 4 3 2 1
//! out z: i32 = 7 7 7 7 7 7

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<storage, read_write> z: array<i32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    let last = i32(arrayLength(&x)) - 1;
    y[last - i] = x[i];
    z[i] = x[i] + x[last + -1 * i];
}
