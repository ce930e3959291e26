// A `let` is no constant expression, whatever it is made from (section Value Declarations): an index out of bounds gives
// zero, a division by zero the dividend, and sums wrap around.
//! workgroups: 1
//! out y: u32 = 0 3 5 0 7

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1) fn main() {
    let v = vec4u(0, 1, 2, 3);
    let i = (4u);
    let j = 3u;
    var w = v;
    y[0] = w[i];
    y[1] = w[j];
    let none = 0u;
    y[2] = 5u / none;
    let most = 0xffffffffu;
    y[3] = most + 1u;
    // Of the same name as one that is assigned to.
    var sum = 7u;
    y[4] = sum;
}
