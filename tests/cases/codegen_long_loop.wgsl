// A loop that may be long polls the word that asks a call to stop. Its counter is a scalar.
//! grid: 8
//! set n: u32 = 40
//! in x: u32 = seq(8)
//! out y: u32 = each(8, 780 + 40 * i)
//! asm loop has: vpaddd x2; cmp dword ptr [r13],0 lacks: vmovups; vptest

@group(0) @binding(0) var<uniform> n: u32;
@group(0) @binding(1) var<storage, read> x: array<u32, 8>;
@group(0) @binding(2) var<storage, read_write> y: array<u32, 8>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {
    var sum = 0u;
    for (var k = 0u; k < n; k++) {
        sum += k + x[i];
    }
    y[i] = sum;
}
