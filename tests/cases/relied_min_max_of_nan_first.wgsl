// WGSL leaves min, max and clamp of NaN open (section 15.7.2). Where the first operand is a NaN, all devices that were tried give
// the second one; of a NaN behind it they do not agree: see docs/wgsl.md and builtin_min_max_nan.
//! grid: 4
//! in a: f32 = nan 1 nan -2
//! in b: f32 = 2 3 -1 -4
//! out least: f32 = 2 1 -1 -4
//! out most: f32 = 2 3 -1 -2
//! out between: f32 = 0 1 0 0

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> least: array<f32>;
@group(0) @binding(3) var<storage, read_write> most: array<f32>;
@group(0) @binding(4) var<storage, read_write> between: array<f32>;

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    least[i] = min(a[i], b[i]);
    most[i] = max(a[i], b[i]);
    // Of a NaN the lower bound.
    between[i] = clamp(a[i], 0.0, 9.0);
}
