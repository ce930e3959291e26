//! workgroups: 8
//! elements a: 512
//! elements sums: 512
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var sum = 0.0;
    for (var j = 0u; j <= id.x; j++) { sum += a[j]; }
    sums[id.x] = sum;
}
