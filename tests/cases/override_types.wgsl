// Override constants of every scalar type, with and without a value from outside (section Override Declarations).
//! grid: 1
//! const A = 7
//! const B = -3
//! const C = 2.5
//! const D = 1
//! const H = 0.5
//! out y: f32 = 7 -3 2.5 1 0.5 14 0

enable f16;

override A: u32 = 1;
override B: i32;
override C: f32 = 1.0;
override D: bool = false;
override H: f16;
override E = A * 2;
override F: bool = C < 2.0;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = f32(A);
    y[1] = f32(B);
    y[2] = C;
    y[3] = f32(D);
    y[4] = f32(H);
    y[5] = f32(E);
    y[6] = f32(F);
}
