// A mistake behind what is said in other words for naga stands where the author wrote it.
//! workgroups: 1
//! error: no definition in scope for identifier

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
const ONE = mix(0.5, 1.5, 0.5); const SAME = --1;
const PARTS = modf(1.25);

@compute @workgroup_size(1) fn main() {
    y[0] = ONE * PARTS.fract; y[1] = missing; // refused here
}
