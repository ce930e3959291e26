// Scalars, vectors and arrays of f32 in a uniform buffer (section Memory Layout).
//! grid: 1
//! uniform u: f32 = 0.5 -1 2 4  5 6 7 8  9 10 11 12  13 14 15 16  17 0 0 0
//! out y: f32 = 0.5 2 4 6 11 16 17

struct U {
    a: f32,
    @align(8) b: vec2<f32>,
    c: array<vec4<f32>, 3>,
    last: f32,
}

@group(0) @binding(0) var<uniform> u: U;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(1)
fn main() {
    y[0] = u.a;
    y[1] = u.b.x;
    y[2] = u.b.y;
    for (var k = 0u; k < 3u; k++) {
        y[3 + k] = u.c[k][k + 1];
    }
    y[6] = u.last;
}
