// ldexp of f16 multiplies by a power of two, exactly (section Numeric Built-in Functions).
//! grid: 6
//! in x: f16 = 1 -1.5 0.75 2 -0.5 1
//! in e: i32 = 0 4 -3 10 1 0
//! out y: f16 = 1 -24 0.09375 2048 -1 1

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read> e: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = ldexp(x[i], e[i]);
}
