// degrees and radians; quantizeToF16 gives either neighbour (section Floating Point Conversion).
//! grid: 6
//! in x: f32 = 0 1 -2.5 180 1000 0.001
//! out d: f32 = each(6, x[i] * 57.295779513082322865)
//!     ~ ulp 2
//! out r: f32 = each(6, x[i] * 0.017453292519943295474)
//!     ~ ulp 2
//! out q: f32 = 0 1 -2.5 180 1000 0.001
//!     ~ rel pow(2, -10)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> d: array<f32>;
@group(0) @binding(2) var<storage, read_write> r: array<f32>;
@group(0) @binding(3) var<storage, read_write> q: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    d[id.x] = degrees(x[id.x]);
    r[id.x] = radians(x[id.x]);
    q[id.x] = quantizeToF16(x[id.x]);
}
