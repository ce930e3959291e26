// Every half is an f32.
//! grid: 6
//! in a: f16 = 1 0.1 -65504 6.104e-05 0.3333 0
//! out x: f32 = 1 0x3dccc000 -65504 0x38800000 0.33325195 0

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    x[i] = f32(a[i]);
}
