// A counter that starts below zero and is in bounds after its first step: what is loaded is what the index says.
//! grid: 1
//! in x: f32 = 1 2 3 4
//! inout sums: f32 = 0 -> 10

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(1)
fn main() {
    var sum = 0.0;
    var i = -1;
    loop {
        i += 1;
        sum += x[i];
        if (i > 2) {
            break;
        }
    }
    sums[0] = sum;
}
