// WGSL has no recursion.
//! error: recursive

fn down(n: u32) -> u32 { // refused here
    if (n == 0) {
        return 0;
    }
    return down(n - 1);
}

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = down(3);
}
