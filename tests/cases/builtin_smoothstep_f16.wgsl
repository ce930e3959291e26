// smoothstep of f16, also from a higher edge to a lower one (section Numeric Built-in Functions).
//! grid: 6
//! in low: f16 = 0 0 0 -1 2 4
//! in high: f16 = 1 2 1 1 6 2
//! in x: f16 = -1 1 2 0.5 3 3.5
//! out y: f16 = 0 0.5 1 0.84375 0.15625 0.15625 ~ ulp 4

enable f16;

@group(0) @binding(0) var<storage, read> low: array<f16>;
@group(0) @binding(1) var<storage, read> high: array<f16>;
@group(0) @binding(2) var<storage, read> x: array<f16>;
@group(0) @binding(3) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = smoothstep(low[i], high[i], x[i]);
}
