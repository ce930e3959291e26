// The CPU engine's sin, cos and tan are within 2, 2 and 4 ULP up to 100,000, not only near zero.
//! grid: 400
//! device: cpu, because WGSL asks for less (section 15.7.4)
//! in x: f32 = each(200, (i - 100) * 0.0625 + 0.001) each(200, (i - 100) * 997.77)
//! out s: f32 = each(400, sin(x[i]))
//!     ~ ulp 2 abs 3e-8
//! out c: f32 = each(400, cos(x[i]))
//!     ~ ulp 2 abs 3e-8
//! out t: f32 = each(400, tan(x[i]))
//!     ~ ulp 4 abs 6e-8

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> t: array<f32>;

@compute @workgroup_size(50)
fn main(@builtin(global_invocation_id) id: vec3u) {
    s[id.x] = sin(x[id.x]);
    c[id.x] = cos(x[id.x]);
    t[id.x] = tan(x[id.x]);
}
