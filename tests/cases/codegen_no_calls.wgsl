// Functions are inlined, and transcendental ones are arithmetic. The tolerance: `sin` is within 2^-11 between -pi and pi,
// `exp` within 3 + 2|x| ulp (WGSL 15.7.4).
//! grid: 64
//! in x: f32 = seq(64, 0, 0.046875)
//! out y: f32 = each(64, exp(-x[i]) * sin(x[i])) ~ abs 5e-4
//! asm lacks: call; lock; vdiv; vsqrt
//! asm loop has: vfmadd x76+; vroundps x8 lacks: vptest; vpmaskmov; vpgather

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

fn damped(t: f32) -> f32 {
    return exp(-t) * sin(t);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = damped(x[id.x]);
}
