// The first element that is large enough; the function returns out of a loop.
//! grid: 6
//! in x: u32 = 3 1 4 1 5 9 2 6
//! out y: i32 = 0 0 0 0 2 4

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;

fn find(least: u32) -> i32 {
    for (var i = 0u; i < arrayLength(&x); i++) {
        if (x[i] >= least) {
            return i32(i);
        }
    }
    return -1;
}

@compute @workgroup_size(6)
fn main(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = find(id.x);
}
