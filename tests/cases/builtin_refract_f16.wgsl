// refract bends a ray, passes it straight for equal media, and gives zero for total reflection (section Numeric
// Built-in Functions).
//! grid: 1
//! in i: f16 = 0.6 -0.8
//! in n: f16 = 0 1
//! out y: f16 = 0.44999999999999996 -0.8930285549745877 0.6 -0.8 0 0 ~ abs 2e-3

enable f16;

@group(0) @binding(0) var<storage, read> i: vec2<f16>;
@group(0) @binding(1) var<storage, read> n: vec2<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    let bent = refract(i, n, 0.75h);
    let straight = refract(i, n, 1.0h);
    let total = refract(i, n, 2.0h);
    y[0] = bent.x;
    y[1] = bent.y;
    y[2] = straight.x;
    y[3] = straight.y;
    y[4] = total.x;
    y[5] = total.y;
}
