// faceForward keeps its first argument where the dot product of the others is negative, else it turns it (section
// Numeric Built-in Functions).
//! grid: 1
//! in a: f32 = 1 2 -3 4
//! in b: f32 = 1 0 -1 0
//! out y: f32 = -1 -2 3 -4 1 2 -3 4

@group(0) @binding(0) var<storage, read> a: vec4<f32>;
@group(0) @binding(1) var<storage, read> b: vec4<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    let front = faceForward(a, b, a);
    let back = faceForward(a, -b, a);
    for (var k = 0u; k < 4u; k++) {
        y[k] = front[k];
        y[k + 4] = back[k];
    }
}
