// A bare loop with several ways out, which leave different values behind.
//! grid: 8
//! in x: i32 = 3 -1 4 1 -5 9 2 6
//! out y: i32 = 3 -1 16 1 -5 81 4 36
//! out n: i32 = 4 1 3 2 1 3 3 3

@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<storage, read_write> n: array<i32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let v = x[id.x];
    var value = v;
    var rounds = 0;
    loop {
        rounds++;
        if (v < 0) {
            break;
        }
        if (rounds == 2 && v == 1) {
            break;
        }
        if (rounds == 3) {
            value = v * v;
            if (v != 3) {
                break;
            }
            value = v;
        }
        if (rounds > 3) {
            break;
        }
    }
    y[id.x] = value;
    n[id.x] = rounds;
}
