// if / else if / else, nested, with assignments that meet again.
//! grid: 20
//! out y: i32 = each(20, i < 3 ? 10 + i : (i < 9 ? (i % 2 == 0 ? i * i : -i) : (i == 11 ? 7 : 100 + i)))

@group(0) @binding(0) var<storage, read_write> y: array<i32>;

@compute @workgroup_size(20)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = i32(id.x);
    var value = 100;
    if (i < 3) {
        value = 10 + i;
    } else if (i < 9) {
        if (i % 2 == 0) {
            value = i * i;
        } else {
            value = -i;
        }
    } else if (i == 11) {
        value = 7;
    } else {
        value += i;
    }
    y[id.x] = value;
}
