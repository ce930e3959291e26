// Loops of a hundred thousand iterations, as many of them as there are.
//! grid: 4
//! device: cpu, because Mesa 22.3 ends the loops of an invocation after 65,536 iterations
//! in x: f32 = 1*400000
//! out y: f32 = 100000*4

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&y) { return; }
    let n = arrayLength(&x) / arrayLength(&y);
    var sum = 0.0;
    for (var i = 0u; i < n; i++) { sum += x[id.x * n + i]; }
    y[id.x] = sum;
}
