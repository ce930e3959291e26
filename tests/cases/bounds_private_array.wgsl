// An index past a local array's end reads zero and writes nothing.
//! grid: 8
//! out y: u32 = 3 4 5 0 0 0 0 0
//! out sums: u32 = 112 112 112 12 12 12 12 12

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {
    var list = array<u32, 3>(3, 4, 5);
    y[i] = list[i];
    list[i] = 103 + i;
    sums[i] = list[0] + list[1] + list[2];
}
