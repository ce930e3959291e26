// A local array of more than 4,096 scalars is cleared as a whole, at its declaration and later.
//! grid: 4
//! device: cpu, because a driver that unrolls may take minutes to compile it
//! out y: u32 = each(4, 5 + i) 0*4

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    var list = array<u32, 5000>();
    list[i * 1249] = 5 + i;
    y[i] = list[i * 1249];
    list = array<u32, 5000>();
    y[4 + i] = list[i * 1249];
}
