// modf of f32: both parts have the sign of the whole (section Numeric Built-in Functions).
//! grid: 6
//! in x: f32 = 1.5 -1.5 0.25 -7 1000.5 0
//! out fraction: f32 = 0.5 -0.5 0.25 -0 0.5 0 ~ abs 0
//! out whole: f32 = 1 -1 0 -7 1000 0 ~ abs 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> fraction: array<f32>;
@group(0) @binding(2) var<storage, read_write> whole: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    fraction[i] = modf(x[i]).fract;
    whole[i] = modf(x[i]).whole;
}
