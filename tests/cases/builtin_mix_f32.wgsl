// mix of f32 is x * (1 - t) + y * t (section Numeric Built-in Functions).
//! grid: 4
//! in x: f32 = 0 1 -2 8
//! in y: f32 = 10 3 2 -8
//! in t: f32 = 0.5 0.25 0.75 0.5
//! out z: f32 = 5 1.5 1 0 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    z[i] = mix(x[i], y[i], t[i]);
}
