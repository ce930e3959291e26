// reflect is e1 - 2 * dot(e2, e1) * e2 (section Numeric Built-in Functions).
//! grid: 1
//! in a: f32 = 1 2 -3 4
//! in n: f32 = 0 1 0 0 0.5 0.5 0.5 0.5
//! out y: f32 = 1 -2 -3 4 -1 0 -5 2 1 -2 ~ abs 0

@group(0) @binding(0) var<storage, read> a: vec4<f32>;
@group(0) @binding(1) var<storage, read> n: array<vec4<f32>, 2>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    let first = reflect(a, n[0]);
    let second = reflect(a, n[1]);
    for (var k = 0u; k < 4u; k++) {
        y[k] = first[k];
        y[k + 4] = second[k];
    }
    let plane = reflect(a.xy, n[0].xy);
    y[8] = plane.x;
    y[9] = plane.y;
}
