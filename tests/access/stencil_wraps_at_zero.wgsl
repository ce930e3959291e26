//! workgroups: 16
//! elements u: 1024
//! elements v: 1024
@group(0) @binding(0) var<storage, read> u: array<f32>;
@group(0) @binding(1) var<storage, read_write> v: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < arrayLength(&v)) { v[i] = u[i - 1u] - u[i]; }
}
