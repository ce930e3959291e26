//! workgroups: 8
//! elements x: 100000
//! elements y: 100000
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    for (var i = id.x; i < arrayLength(&y); i += 64u * groups.x) { y[i] = 2.0 * x[i]; }
}
