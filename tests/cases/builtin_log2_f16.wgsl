// log2 of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 1 2 0.1 1000 0.75 1
//! out y: f16 = 0 1 -3.3222803583589915 9.965784284662087 -0.4150374992788438 0 ~ ulp 3 abs pow(2, -7)

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = log2(x[i]);
}
