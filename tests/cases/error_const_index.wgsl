// A constant index out of bounds is an error, though the value of a `let` may be one.
//! workgroups: 1
//! error: out of bounds

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1) fn main() {
    let at = 2u;
    var w = vec4u(1, 2, 3, 4);
    y[0] = w[at];
    y[1] = w[4u];
}
