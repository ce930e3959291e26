// pow, whose error is that of exp2(y * log2(x)) (section 15.7.4), here for powers below 2^40 or so.
//! grid: 200
//! in x: f32 = each(200, 0.01 + i * 0.173)
//! in y: f32 = each(200, i % 17 - 8.5 + i % 3 * 0.25)
//! out z: f32 = each(200, pow(x[i], y[i]))
//!     ~ ulp 3 + 2 * abs(y[i] * log2(x[i])) + 6 * abs(y[i] * log2(x[i])) + 6 * abs(y[i])

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(50)
fn main(@builtin(global_invocation_id) id: vec3u) {
    z[id.x] = pow(x[id.x], y[id.x]);
}
