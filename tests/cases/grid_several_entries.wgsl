// The second of three kernels, which share a helper.
//! entry: second
//! grid: 4
//! out y: u32 = 20 21 22 23

@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

fn plus(i: u32, k: u32) -> u32 {
    return i + k;
}

@compute @workgroup_size(4)
fn first(@builtin(global_invocation_id) id: vec3u) {
    x[id.x] = plus(id.x, 10);
}

@compute @workgroup_size(2)
fn second(@builtin(global_invocation_id) id: vec3u) {
    y[id.x] = plus(id.x, 20);
}

@compute @workgroup_size(4)
fn third(@builtin(global_invocation_id) id: vec3u) {
    x[id.x] = y[id.x];
}
