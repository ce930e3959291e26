// Rounding keeps infinities, NaN and the sign of zero.
//! grid: 5
//! device: cpu, because WGSL leaves NaN, infinities and the sign of zero open (section 15.7.2)
//! in x: f32 = 0 -0 inf -inf nan
//! out y: f32 = 0 -0 inf -inf nan  0 -0 inf -inf nan  0 -0 inf -inf nan  0 -0 inf -inf nan
//! out a: f32 = 0 0 inf inf nan
//! out s: f32 = 0 0 1 -1 _

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> a: array<f32>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(5)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = floor(x[i]);
    y[i + 5] = ceil(x[i]);
    y[i + 10] = trunc(x[i]);
    y[i + 15] = round(x[i]);
    a[i] = abs(x[i]);
    s[i] = sign(x[i]);
}
