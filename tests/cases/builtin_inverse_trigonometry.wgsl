// asin and acos within 6.77e-5 or what atan2 gives, atan and atan2 within 4,096 ULP (section 15.7.4).
//! grid: 201
//! in x: f32 = each(201, (i - 100) * 0.01)
//! in y: f32 = each(201, (i * 37 % 201 - 99.5) * 0.37)
//! out a: f32 = each(201, asin(x[i]))
//!     ~ abs 6.77e-5 ulp 4097
//! out b: f32 = each(201, acos(x[i]))
//!     ~ abs 6.77e-5 ulp 4097
//! out c: f32 = each(201, atan(y[i]))
//!     ~ ulp 4096
//! out d: f32 = each(201, atan2(y[i], x[i] + 0.005))
//!     ~ ulp 4098

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> a: array<f32>;
@group(0) @binding(3) var<storage, read_write> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> d: array<f32>;

@compute @workgroup_size(67)
fn main(@builtin(global_invocation_id) id: vec3u) {
    a[id.x] = asin(x[id.x]);
    b[id.x] = acos(x[id.x]);
    c[id.x] = atan(y[id.x]);
    d[id.x] = atan2(y[id.x], x[id.x] + 0.005);
}
