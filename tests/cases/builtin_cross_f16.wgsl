// cross is perpendicular to both, and zero for a vector with itself (section Numeric Built-in Functions).
//! grid: 1
//! in a: f16 = 1 -2 3 0.5
//! in b: f16 = 2 1 -1 4
//! out y: f16 = -1 7 5 0 0 0 0 -5 ~ abs 0

enable f16;

@group(0) @binding(0) var<storage, read> a: vec4<f16>;
@group(0) @binding(1) var<storage, read> b: vec4<f16>;
@group(0) @binding(2) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    let c = cross(a.xyz, b.xyz);
    let none = cross(a.xyz, a.xyz);
    for (var k = 0u; k < 3u; k++) {
        y[k] = c[k];
        y[k + 3] = none[k];
    }
    y[6] = dot(c, a.xyz);
    y[7] = cross(b.xyz, a.xyz).z;
}
