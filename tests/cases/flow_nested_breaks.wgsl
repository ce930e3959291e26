// Breaks and continues of an inner loop leave the outer one alone, and the other way round.
//! grid: 8
//! out y: u32 = 0 0 1 3 7 11 15 18

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let n = id.x;
    var count = 0u;
    for (var a = 0u; a < n; a++) {
        for (var b = 0u; ; b++) {
            if (b >= a) {
                break;
            }
            if (b == 4) {
                break;
            }
            if ((a + b) % 5 == 4 && a > 5) {
                continue;
            }
            count++;
            if (a == 2) {
                count++;
                count--;
            }
        }
        if (a == 3) {
            count += 1;
            continue;
        }
    }
    y[n] = count;
}
