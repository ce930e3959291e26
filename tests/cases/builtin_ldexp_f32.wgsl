// ldexp of f32 multiplies by a power of two, exactly (section Numeric Built-in Functions).
//! grid: 5
//! in x: f32 = 1 -1.5 0.75 2 -0.5
//! in e: i32 = 0 4 -3 10 1
//! out y: f32 = 1 -24 0.09375 2048 -1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> e: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = ldexp(x[i], e[i]);
}
