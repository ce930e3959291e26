// A loop that lanes leave at different times, with `continue`: two values go around, none of them twice.
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var n = y[id.x];
    var steps = 0u;
    while (n > 1) {
        steps++;
        if (n % 2 == 0) {
            n /= 2;
            continue;
        }
        n = 3 * n + 1;
    }
    y[id.x] = steps;
}
