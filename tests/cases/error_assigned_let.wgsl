// A `let` stays one, also where the text has another that is made a variable.
//! workgroups: 1
//! error: cannot assign

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1) fn main() {
    let at = 9u;
    var w = vec4u(1, 2, 3, 4);
    y[0] = w[at];
    let fixed = 3u;
    fixed = 4u; // refused here
}
