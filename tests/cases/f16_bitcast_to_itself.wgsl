// bitcast of halves to halves keeps the value.
//! grid: 4
//! device: cpu, because the sign of zero is left open on other devices
//! in a: f16 = 1 -0 0.1 60000
//! out x: f16 = 1 -0 0.1 60000

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read_write> x: array<f16>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = bitcast<f16>(a[i]);
}
