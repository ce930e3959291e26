// Between halves and the other types; literals; comparisons.
//! grid: 5
//! in x: f32 = 1 -2.5 0.3330078125 1000.5 -65504
//! out h: f16 = 1 -2.5 0.3330078125 1000.5 -65504 untouched
//! out f: f32 = 1.5 -2 0.8330078125 1001 -65504
//! out i: i32 = 1 -2 0 1000 -65504
//! out b: u32 = 1 0 0 1 0

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> h: array<f16>;
@group(0) @binding(2) var<storage, read_write> f: array<f32>;
@group(0) @binding(3) var<storage, read_write> i: array<i32>;
@group(0) @binding(4) var<storage, read_write> b: array<u32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let k = id.x;
    let half = f16(x[k]);
    h[k] = half;
    f[k] = f32(half + 0.5h);
    i[k] = i32(half);
    b[k] = u32(half >= 1.0h && bool(half));
}
