// A struct with a large array goes from one buffer to another, and through a function.
//! grid: 1
//! device: cpu, because a driver that unrolls may take minutes to compile it
//! in a: u32 = 77 seq(5000)
//! inout b: u32 = 0*5001 -> 77 seq(5000)
//! out y: u32 = 77 4999 1234

struct Large {
    head: u32,
    list: array<u32, 5000>,
}

@group(0) @binding(0) var<storage, read> a: Large;
@group(0) @binding(1) var<storage, read_write> b: Large;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn element(l: Large, at: u32) -> u32 {
    return l.list[at];
}

@compute @workgroup_size(1)
fn main() {
    b = a;
    y[0] = b.head;
    y[1] = element(a, 4999);
    y[2] = element(b, 1234);
}
