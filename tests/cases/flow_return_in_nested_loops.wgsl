// Returns out of two loops and a switch, with values that the loops change.
//! grid: 10
//! out y: u32 = 0 100 11 12 13 14 15 16 17 999

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

fn search(n: u32) -> u32 {
    if (n == 0) {
        return 0;
    }
    var steps = 0u;
    for (var a = 1u; a < 4; a++) {
        for (var b = 1u; b < 4; b++) {
            steps++;
            switch (n) {
                case 1: { return 100; }
                case 9: { break; }
                default: {
                    if (steps == n) {
                        return 9 + n;
                    }
                }
            }
        }
    }
    return 999;
}

@compute @workgroup_size(10)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = search(id.x);
}
