// log and log2: within 2^-21 between 1/2 and 2, else 3 ULP (section 15.7.4).
//! grid: 400
//! in x: f32 = each(200, 0.5 + i * 0.0075) each(200, pow(10, (i - 100) / 2.7))
//! out e: f32 = each(400, log(x[i]))
//!     ~ ulp 3 abs (x[i] >= 0.5 && x[i] <= 2 ? 4.76837158203125e-7 : 0)
//! out p: f32 = each(400, log2(x[i]))
//!     ~ ulp 3 abs (x[i] >= 0.5 && x[i] <= 2 ? 4.76837158203125e-7 : 0)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> e: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;

@compute @workgroup_size(50)
fn main(@builtin(global_invocation_id) id: vec3u) {
    e[id.x] = log(x[id.x]);
    p[id.x] = log2(x[id.x]);
}
