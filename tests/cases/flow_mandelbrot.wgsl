// Lanes that leave a loop at very different times; the counts are those of the same steps in f64, at points
// that are far from the border.
//! grid: 8
//! in c: f32 = 0 0  1 1  -1 0  0.5 0.5  2 2  0.25 0.75  -2.5 0  0.375 0.25
//! out y: u32 = 64 2 64 5 1 5 1 64

@group(0) @binding(0) var<storage, read> c: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var z = vec2f();
    var n = 0u;
    while (n < 64) {
        z = vec2f(z.x * z.x - z.y * z.y, 2 * z.x * z.y) + c[id.x];
        if (dot(z, z) > 4) {
            n++;
            break;
        }
        n++;
    }
    y[id.x] = n;
}
