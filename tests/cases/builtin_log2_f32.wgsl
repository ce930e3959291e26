// log2 of f32 is within 3 ULP, or 2^-21 near 1 (section Floating Point Accuracy).
//! grid: 6
//! in x: f32 = 1 2 0.1 1000 1e-06 0.75
//! out y: f32 = 0 1 -3.321928073389531 9.965784284662087 -19.93156857296663 -0.4150374992788438 ~ ulp 3 abs pow(2, -21)

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = log2(x[i]);
}
