// exp, exp2, log, log2, sqrt and inverseSqrt at zero, infinity, NaN, and out of range.
//! grid: 9
//! device: cpu, because WGSL leaves NaN, infinities and overflow open (section 15.7.2)
//! in x: f32 = 0 -0 inf -inf nan 100 -200 -1 1
//! out e: f32 = 1 1 inf 0 nan inf 0 _ _
//! out p: f32 = 1 1 inf 0 nan 1267650600228229401496703205376 0 0.5 2
//! out l: f32 = -inf -inf inf nan nan _ nan nan 0
//! out b: f32 = -inf -inf inf nan nan _ nan nan 0
//! out r: f32 = 0 -0 inf nan nan 10 nan nan 1
//! out i: f32 = inf -inf 0 nan nan _ nan nan 1

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> e: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> l: array<f32>;
@group(0) @binding(4) var<storage, read_write> b: array<f32>;
@group(0) @binding(5) var<storage, read_write> r: array<f32>;
@group(0) @binding(6) var<storage, read_write> i: array<f32>;

@compute @workgroup_size(9)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    e[id.x] = exp(v);
    p[id.x] = exp2(v);
    l[id.x] = log(v);
    b[id.x] = log2(v);
    r[id.x] = sqrt(v);
    i[id.x] = inverseSqrt(v);
}
