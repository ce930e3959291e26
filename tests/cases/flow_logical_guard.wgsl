// The right side of && would be out of bounds where the left is false.
//! grid: 8
//! in x: u32 = 5 0 5 0 5
//! out y: u32 = 1 0 1 0 1 0 0 0

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[i] = 0;
    if (i < arrayLength(&x) && x[i] == 5) {
        y[i] = 1;
    }
}
