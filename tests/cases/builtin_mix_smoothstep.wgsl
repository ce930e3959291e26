// mix with a scalar and with a vector, smoothstep inside, at and outside of its edges, select by component.
//! grid: 6
//! in t: f32 = 0 0.25 0.5 0.75 1 2
//! out y: f32 = each(6, 10 * (1 - t[i]) + 20 * t[i]) each(6, -4 * (1 - t[i]) + 4 * t[i])
//!     each(6, 1 * (1 - t[i]) + 3 * t[i])
//!     ~ ulp 4
//! out s: f32 = 0 0 0.5 1 1 1
//!     ~ ulp 8

@group(0) @binding(0) var<storage, read> t: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = mix(10.0, 20.0, t[i]);
    y[i + 6] = mix(vec2f(-4, 0), vec2f(4, 1), t[i]).x;
    y[i + 12] = mix(vec2f(0, 1), vec2f(9, 3), vec2f(0, t[i])).y;
    s[i] = smoothstep(0.25, 0.75, t[i]);
}
