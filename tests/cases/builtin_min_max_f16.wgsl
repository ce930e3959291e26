// min and max of f16 (section Numeric Built-in Functions).
//! grid: 6
//! in a: f16 = 1 -1 0.25 1024 -3 1
//! in b: f16 = 2 -2 0.25 -1024 5 2
//! out low: f16 = 1 -2 0.25 -1024 -3 1
//! out high: f16 = 2 -1 0.25 1024 5 2

enable f16;

@group(0) @binding(0) var<storage, read> a: array<f16>;
@group(0) @binding(1) var<storage, read> b: array<f16>;
@group(0) @binding(2) var<storage, read_write> low: array<f16>;
@group(0) @binding(3) var<storage, read_write> high: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    low[i] = min(a[i], b[i]);
    high[i] = max(a[i], b[i]);
}
