// Infinities and NaN give NaN, arguments out of range too; atan2 knows the quadrants.
//! grid: 7
//! device: cpu, because WGSL leaves NaN, infinities and the sign of zero open (section 15.7.2)
//! in x: f32 = 0 -0 inf -inf nan 2 -2
//! out s: f32 = 0 -0 nan nan nan _ _
//!     ~ abs 0
//! out c: f32 = 1 1 nan nan nan _ _
//! out a: f32 = 0 -0 nan nan nan nan nan
//! out t: f32 = 0 -0 1.5707963267948966 -1.5707963267948966 nan _ _
//! in m: f32 = 0 -0 0 -0 1 -1 1
//! in n: f32 = 1 1 -1 -1 0 0 inf
//! out q: f32 = 0 -0 3.141592653589793 -3.141592653589793 1.5707963267948966 -1.5707963267948966 0
//!     ~ ulp 1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read> n: array<f32>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(0) @binding(5) var<storage, read_write> a: array<f32>;
@group(0) @binding(6) var<storage, read_write> t: array<f32>;
@group(0) @binding(7) var<storage, read_write> q: array<f32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    s[id.x] = sin(v);
    c[id.x] = cos(v);
    a[id.x] = asin(v);
    t[id.x] = atan(v);
    q[id.x] = atan2(m[id.x], n[id.x]);
}
