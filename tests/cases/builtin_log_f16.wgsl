// log of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 1 2 0.1 1000 0.75 1
//! out y: f16 = 0 0.6931471805599453 -2.3028292634262195 6.907755278982137 -0.2876820724517809 0 ~ ulp 3 abs pow(2, -7)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = log(x[i]);
}
