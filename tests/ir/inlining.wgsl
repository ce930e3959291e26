// Functions with early returns and a pointer argument, inlined: no scope is left around a single exit.
@group(0) @binding(0) var<storage, read_write> y: array<i32>;

fn clamped(x: i32, hits: ptr<function, i32>) -> i32 {
    if (x < 0) {
        *hits += 1;
        return 0;
    }
    return x;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    var hits = 0;
    let a = clamped(y[id.x], &hits);
    let b = clamped(a - 10, &hits);
    y[id.x] = a + b + hits;
}
