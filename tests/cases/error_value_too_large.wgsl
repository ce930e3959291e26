// A function cannot give back a value of more than 4,096 scalars: the engine says so at its place.
//! device: cpu, because the limit is the engine's own
//! error: 4096 scalars

@group(0) @binding(0) var<storage, read> x: array<u32, 5000>;
@group(0) @binding(1) var<storage, read_write> y: array<u32, 5000>;

fn all() -> array<u32, 5000> {
    return x; // refused here
}

@compute @workgroup_size(1)
fn main() {
    y = all();
}
