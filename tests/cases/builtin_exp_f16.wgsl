// exp of f16 is as accurate as the table asks (section Floating Point Accuracy).
//! grid: 6
//! in x: f16 = 0 1 -1 10 0.001 0
//! out y: f16 = 1 2.718281828459045 0.36787944117144233 22026.465794806718 1.0010009049292605 1 ~ ulp 3 + 2 * abs(x[i])

enable f16;

@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = exp(x[i]);
}
