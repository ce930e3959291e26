// Shifts by 32 and more where a compiler can tell the amount: it counts modulo 32 all the same (section Bit Expressions).
//! grid: 4
//! in x: u32 = 1 0x80000001 0xffffffff 0x12345678
//! out left: u32 = 1 0x80000001 0xffffffff 0x12345678  2 2 0xfffffffe 0x2468acf0
//! out right: u32 = 1 0x80000001 0xffffffff 0x12345678  0 1 1 0

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> left: array<u32>;
@group(0) @binding(2) var<storage, read_write> right: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    var none = 32u;
    var one = 33u;
    var most = 0xffffffffu;
    left[i] = x[i] << none;
    left[i + 4] = x[i] << one;
    right[i] = x[i] >> none;
    right[i + 4] = x[i] >> most;
}
