// Abstract floats are computed in f64 before they become a type (section Abstract Numeric Types).
//! grid: 1
//! out y: f32 = 0x3dcccccd 0x3f000000 0x00000000 0x40490fdb

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    const tenth = 0.1;
    const pi = 3.14159265358979;
    y[0] = tenth;
    y[1] = 1e300 / 2e300;
    y[2] = tenth * 3.0 - 0.3 - 5.551115123125783e-17;
    y[3] = pi;
}
