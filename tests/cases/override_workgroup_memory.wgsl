// Override constants give the workgroup its size and its memory their length.
//! grid: 12
//! const N = 12
//! out y: u32 = each(12, 11 - i)

override N: u32 = 4;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
var<workgroup> list: array<u32, N>;

@compute @workgroup_size(N)
fn main(@builtin(local_invocation_index) i: u32) {
    list[N - 1 - i] = i;
    workgroupBarrier();
    y[i] = list[i];
}
