// Negation of f32 flips the sign of every number, zero included (section Arithmetic Expressions).
//! grid: 6
//! device: cpu, because WGSL leaves the sign of zero open (section Differences from IEEE-754)
//! in a: f32 = 0 -0 1.5 -2 1024 -0.25
//! out y: f32 = -0 0 -1.5 2 -1024 0.25

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = -a[i];
}
