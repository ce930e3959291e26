// Abstract integers have 64 bits and a sign: shifted right as far as one likes they are 0 or -1 (section Bit Expressions).
//! workgroups: 1
//! out y: i32 = -1 -1 -1 0 -1 7

@group(0) @binding(0) var<storage, read_write> y: array<i32>;
const FAR = 100;
const A = -4611686018427387904 >> FAR;

@compute @workgroup_size(1) fn main() {
    y[0] = -2 >> 64;
    y[1] = -2 >> 63;
    y[2] = A;
    y[3] = 123 >> 64;
    const B = vec2(-5, 7) >> vec2(64, 0);
    y[4] = B.x;
    y[5] = B.y;
}
