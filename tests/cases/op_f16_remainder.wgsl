// f16 % f16 is a - b * trunc(a / b): the sign is the dividend's (section Arithmetic Expressions).
//! grid: 8
//! in a: f16 = 7.5 -7.5 7.5 1 0.5 100 -1024 6.25
//! in b: f16 = 2 2 -2 1 3 7 3 0.5
//! out y: f16 = 1.5 -1.5 1.5 0 0.5 2 -1 0.25 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = a[i] % b[i];
}
