// min and max of f32 (section Numeric Built-in Functions).
//! grid: 5
//! in a: f32 = 1 -1 0.25 1024 -3
//! in b: f32 = 2 -2 0.25 -1024 5
//! out low: f32 = 1 -2 0.25 -1024 -3
//! out high: f32 = 2 -1 0.25 1024 5

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> low: array<f32>;
@group(0) @binding(3) var<storage, read_write> high: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    low[i] = min(a[i], b[i]);
    high[i] = max(a[i], b[i]);
}
