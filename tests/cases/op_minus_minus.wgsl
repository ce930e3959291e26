// Two minus signs in a row are two operators; `--` behind a variable is a statement.
//! workgroups: 1
//! out y: i32 = 10 4 -4 2

@group(0) @binding(0) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(1) fn main() {
    y[0] = 3--7;
    var x = 4;
    y[1] = --x;
    y[2] = ---x;
    for (var i = 2; i > 0; i--) { x--; }
    y[3] = x;
}
