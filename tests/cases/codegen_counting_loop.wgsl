// A counting loop is unrolled by four for four rows; what does not change in it was loaded before. It is short and polls
// nothing.
//! grid: 64
//! in x: f32 = seq(64)
//! in w: f32 = seq(64, 1, 1)
//! out y: f32 = each(64, sum(k, 0, 64, x[i] + (k + 1)))
//! asm loop has: vaddps x32; vbroadcastss x4 lacks: vmovups; vmovd; vpadd
//! asm loop has: vaddps x32 lacks: cmp dword ptr [

@group(0) @binding(0) var<storage, read> x: array<f32, 64>;
@group(0) @binding(1) var<storage, read> w: array<f32, 64>;
@group(0) @binding(2) var<storage, read_write> y: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
    var sum = 0.0;
    for (var k = 0; k < 64; k++) {
        sum += x[i] + w[k];
    }
    y[i] = sum;
}
