//! workgroups: 16
//! words n: 1000
//! elements u: 1000
//! elements v: 1000
@group(0) @binding(0) var<uniform> n: i32;
@group(0) @binding(1) var<storage, read> u: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
fn mirrored(i: i32) -> i32 {
    if (i < 0) { return -i - 1; }
    if (i >= n) { return 2 * n - i - 1; }
    return i;
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    if (i >= n) { return; }
    var sum = 0.0;
    for (var k = -4; k <= 4; k++) { sum += u[mirrored(i + k)]; }
    v[i] = sum;
}
