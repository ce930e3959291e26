// Literals of every form: hexadecimal, suffixes, exponents, hexadecimal floats.
//! grid: 1
//! out u: u32 = 255 4294967295 0x80000000 10
//! out s: i32 = -2147483648 2147483647 -16 7
//! out f: f32 = 1e-38 3.4028234663852886e38 0.15625 1024 -0.5 6.02e23

@group(0) @binding(0) var<storage, read_write> u: array<u32>;
@group(0) @binding(1) var<storage, read_write> s: array<i32>;
@group(0) @binding(2) var<storage, read_write> f: array<f32>;

@compute @workgroup_size(1)
fn main() {
    u[0] = 0xFF;
    u[1] = 4294967295u;
    u[2] = 0x80000000;
    u[3] = 10u;
    s[0] = -2147483648;
    s[1] = 2147483647i;
    s[2] = -0x10;
    s[3] = 7i;
    f[0] = 1e-38;
    f[1] = 0x1.fffffep+127;
    f[2] = 0x1.4p-3f;
    f[3] = 0x1p10;
    f[4] = -.5;
    f[5] = 6.02e23f;
}
