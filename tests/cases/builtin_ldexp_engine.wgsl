// ldexp and frexp at the ends of the range, with subnormal numbers.
//! grid: 7
//! device: cpu, because WGSL lets subnormal numbers be flushed (section 15.7.2) and leaves large exponents open
//! in x: f32 = 1 1 1 0x00000001 -3 0 inf
//! in e: i32 = 127 -149 200 149 -1000 5 -3
//! out y: f32 = 0x7f000000 0x00000001 inf 1 -0 0 inf
//! out fraction: f32 = 0.5 0.5 0.5 0.5 -0.75 0 inf
//! out exponent: i32 = 1 1 1 -148 2 0 0

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> e: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> fraction: array<f32>;
@group(0) @binding(4) var<storage, read_write> exponent: array<i32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = ldexp(x[i], e[i]);
    let parts = frexp(x[i]);
    fraction[i] = parts.fract;
    exponent[i] = parts.exp;
}
