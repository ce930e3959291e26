// sinh, cosh, tanh and their inverses; their errors are those of exp and log in their formulas (section 15.7.4).
//! grid: 161
//! in x: f32 = each(161, (i - 80) * 0.0625)
//! out a: f32 = each(161, sinh(x[i]))
//!     ~ ulp 6 + 4 * abs(x[i]) abs 1e-6
//! out b: f32 = each(161, cosh(x[i]))
//!     ~ ulp 6 + 4 * abs(x[i])
//! out c: f32 = each(161, tanh(x[i]))
//!     ~ abs 1e-5 rel 1e-5
//! out d: f32 = each(161, asinh(x[i]))
//!     ~ abs 2e-6 rel 2e-6
//! out e: f32 = each(161, acosh(1 + x[i] * x[i]))
//!     ~ abs 4e-6 rel 4e-6
//! out f: f32 = each(161, atanh(x[i] / 8))
//!     ~ abs 1e-6 rel 1e-6

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<f32>;
@group(0) @binding(5) var<storage, read_write> e: array<f32>;
@group(0) @binding(6) var<storage, read_write> f: array<f32>;

@compute @workgroup_size(23)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    a[id.x] = sinh(v);
    b[id.x] = cosh(v);
    c[id.x] = tanh(v);
    d[id.x] = asinh(v);
    e[id.x] = acosh(1 + v * v);
    f[id.x] = atanh(v / 8);
}
