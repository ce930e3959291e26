// A compound assignment evaluates the reference on its left once (section Statements, Compound Assignment).
//! grid: 1
//! inout y: u32 = 0 10 20 30 -> 1 15 20 30

@group(0) @binding(0) var<storage, read_write> y: array<u32>;
var<private> calls: u32;

fn place() -> u32 {
    calls++;
    return calls;
}

@compute @workgroup_size(1)
fn main() {
    y[place()] += 5u;
    y[0] = calls;
}
