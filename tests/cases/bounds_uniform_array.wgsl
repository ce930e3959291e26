// An index past an array's end in a uniform reads zero.
//! grid: 4
//! uniform u: u32 = 1 0 0 0 2 0 0 0
//! out y: u32 = 1 2 0 0

@group(0) @binding(0) var<uniform> u: array<vec4u, 2>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(4)
fn main(@builtin(local_invocation_index) i: u32) {
    y[i] = u[i].x;
}
