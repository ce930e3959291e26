// Hexadecimal literals of halves, the smallest one included.
//! workgroups: 1
//! out y: f32 = 0.25 3 65504 5.960464477539063e-8 -1.5

enable f16;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
const SMALLEST = 0x1p-24h;

@compute @workgroup_size(1) fn main() {
    y[0] = f32(0x1p-2h);
    y[1] = f32(0x1.8P+1h);
    y[2] = f32(0x1.ffcp15h);
    y[3] = f32(SMALLEST);
    y[4] = f32(-0x.cp1h);
}
