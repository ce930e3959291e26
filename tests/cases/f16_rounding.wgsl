// Each operation on halves rounds to a half: sums, products and quotients of neighbours.
//! grid: 6
//! in a: f16 = 2048 1 0.3333 65504 0.1 1.001
//! in b: f16 = 1 0.0004883 3 15 0.2 1.001
//! out sum: f16 = 2048 1 3.334 65504 0.2998 2.002

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> sum: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    sum[i] = a[i] + b[i];
}
