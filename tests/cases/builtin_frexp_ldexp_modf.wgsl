// Taking floats apart and putting them together is exact.
//! grid: 8
//! in x: f32 = 1 -6.5 0.375 1e10 -0.0009765625 1023.75 -2 3
//! out fraction: f32 = 0.5 -0.8125 0.75 0.582076609134674072265625 -0.5 0.999755859375 -0.5 0.75
//! out exponent: i32 = 1 3 -1 34 -9 10 2 2
//! out whole: f32 = 1 -6 0 1e10 -0 1023 -2 3
//!     ~ abs 0
//! out rest: f32 = 0 -0.5 0.375 0 -0.0009765625 0.75 0 0
//!     ~ abs 0
//! out scaled: f32 = each(8, x[i] * pow(2, 5 * i - 20))
//! out back: f32 = each(8, x[i])

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> fraction: array<f32>;
@group(0) @binding(2) var<storage, read_write> exponent: array<i32>;
@group(0) @binding(3) var<storage, read_write> whole: array<f32>;
@group(0) @binding(4) var<storage, read_write> rest: array<f32>;
@group(0) @binding(5) var<storage, read_write> scaled: array<f32>;
@group(0) @binding(6) var<storage, read_write> back: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let parts = frexp(x[i]);
    fraction[i] = parts.fract;
    exponent[i] = parts.exp;
    let split = modf(vec2f(x[i], 0));
    whole[i] = split.whole.x;
    rest[i] = split.fract.x;
    scaled[i] = ldexp(x[i], 5 * i32(i) - 20);
    back[i] = ldexp(parts.fract, parts.exp);
}
