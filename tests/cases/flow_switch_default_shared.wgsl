// `default` among other selectors; negative selectors; a break in the middle of a case.
//! grid: 7
//! in x: i32 = -1 0 1 2 -2147483648 2147483647 3
//! out y: i32 = 5 7 7 -2 40 7 -3

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(7)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    var value = 0;
    switch (v) {
        case -1: { value = 5; }
        case 1, default: { value = 7; }
        case 2, 3: {
            value = -2;
            if (v == 2) {
                break;
            }
            value -= 1;
        }
        case -2147483648: { value = 40; }
    }
    y[id.x] = value;
}
