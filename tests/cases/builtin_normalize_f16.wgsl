// normalize gives a vector of the same direction and of length 1 (section Numeric Built-in Functions).
//! grid: 1
//! in a: f16 = 3 4 12 84
//! out y: f16 = 0.6 0.8 0.23076923076923078 0.3076923076923077 0.9230769230769231 0.03529411764705882
//!     0.047058823529411764 0.1411764705882353 0.9882352941176471 1 ~ ulp 12

enable f16;

@group(0) @binding(0) var<storage, read> a: vec4<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;

@compute @workgroup_size(1)
fn main() {
    let two = normalize(a.xy);
    let three = normalize(a.xyz);
    let four = normalize(a);
    y[0] = two.x;
    y[1] = two.y;
    for (var k = 0u; k < 3u; k++) {
        y[k + 2] = three[k];
    }
    for (var k = 0u; k < 4u; k++) {
        y[k + 5] = four[k];
    }
    y[9] = length(normalize(a.wz));
}
