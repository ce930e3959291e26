// sqrt and inverseSqrt over many magnitudes: 2 ULP and what follows from it (section 15.7.4).
//! grid: 300
//! in x: f32 = each(300, pow(10, i / 5.0 - 30) * (1 + i % 7 / 8.0))
//! out y: f32 = each(300, sqrt(x[i]))
//!     ~ ulp 4.5
//! out z: f32 = each(300, 1 / sqrt(x[i]))
//!     ~ ulp 2

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&x)) {
        y[id.x] = sqrt(x[id.x]);
        z[id.x] = inverseSqrt(x[id.x]);
    }
}
