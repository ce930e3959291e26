// exp and exp2 within 3 + 2 |x| ULP (section 15.7.4).
//! grid: 350
//! in x: f32 = each(350, (i - 175) * 0.49 + 0.013)
//! out e: f32 = each(350, exp(x[i]))
//!     ~ ulp 3 + 2 * abs(x[i])
//! out p: f32 = each(350, exp2(x[i]))
//!     ~ ulp 3 + 2 * abs(x[i])

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> e: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;

@compute @workgroup_size(50)
fn main(@builtin(global_invocation_id) id: vec3u) {
    e[id.x] = exp(x[id.x]);
    p[id.x] = exp2(x[id.x]);
}
