// Negation of f16 flips the sign of every number, zero included (section Arithmetic Expressions).
//! grid: 6
//! device: cpu, because WGSL leaves the sign of zero open (section Differences from IEEE-754)
//! in a: f16 = 0 -0 1.5 -2 1024 -0.25
//! out y: f16 = -0 0 -1.5 2 -1024 0.25

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = -a[i];
}
