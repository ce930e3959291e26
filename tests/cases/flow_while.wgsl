// while loops whose lanes end at different times: the steps of Collatz's problem.
//! grid: 16
//! out y: u32 = 0 0 1 7 2 5 8 16 3 19 6 14 9 9 17 17

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var n = id.x;
    var steps = 0u;
    while (n > 1) {
        if (n % 2 == 0) {
            n /= 2;
        } else {
            n = 3 * n + 1;
        }
        steps++;
    }
    y[id.x] = steps;
}
