// sin and cos within 2^-11 between -pi and pi (section 15.7.4), and tan as their quotient.
//! grid: 256
//! in x: f32 = each(256, (i - 128) * 0.0245)
//! out s: f32 = each(256, sin(x[i]))
//!     ~ abs 4.8828125e-4
//! out c: f32 = each(256, cos(x[i]))
//!     ~ abs 4.8828125e-4
//! out t: f32 = each(256, tan(x[i]))
//!     ~ abs 4.8828125e-4 * (1 + abs(tan(x[i]))) / abs(cos(x[i])) * 1.1 + 1e-4

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> t: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    s[id.x] = sin(x[id.x]);
    c[id.x] = cos(x[id.x]);
    t[id.x] = tan(x[id.x]);
}
