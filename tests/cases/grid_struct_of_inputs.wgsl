// The built-in inputs as members of a struct.
//! grid: 6
//! out y: u32 = 0 1 2 100 101 102

struct Inputs {
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3u,
    @builtin(global_invocation_id) id: vec3u,
}

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(3)
fn main(in: Inputs) {
    y[in.id.x] = in.group.x * 100 + in.lane;
}
