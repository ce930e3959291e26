// WGSL leaves the power of a negative base open. With a constant whole exponent it is the product, as drivers have it and
// programs rely on it: see docs/wgsl.md.
//! grid: 5
//! in x: f32 = -3 -1 -0.5 0 2
//! out square: f32 = 9 1 0.25 0 4
//! out cube: f32 = -27 -1 -0.125 0 8
//! out inverse: f32 = 0.1111111111111111 1 4 inf 0.25 ~ ulp 2
//! out large: f32 = -450283905890997363 -1 -7.275957614183426e-12 0 137438953472 ~ rel 1e-4
//! out vector: f32 = 81 1 0.0625 0 16
//! out nothing: f32 = 1*5

override FOUR: f32 = 4;
const TWO = 2;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> square: array<f32>;
@group(0) @binding(2) var<storage, read_write> cube: array<f32>;
@group(0) @binding(3) var<storage, read_write> inverse: array<f32>;
@group(0) @binding(4) var<storage, read_write> large: array<f32>;
@group(0) @binding(5) var<storage, read_write> vector: array<f32>;
@group(0) @binding(6) var<storage, read_write> nothing: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    let base = x[i];
    square[i] = pow(base, TWO);
    cube[i] = pow(base, 3.0);
    inverse[i] = pow(base, -2.0);
    large[i] = pow(base, 37.0);
    vector[i] = pow(vec2f(base), vec2f(FOUR)).y;
    nothing[i] = pow(base, 0.0);
}
