// The inputs of the extension linear_indexing (section Built-in Inputs): indices in the whole grid, x fastest.
//! workgroups: 2 3 2
//! const W = 2
//! out index: u32 = seq(96)
//! out group: u32 = 0 0 1 1 0 0 1 1 2 2 3 3 2 2 3 3 4 4 5 5 4 4 5 5  0 0 1 1 0 0 1 1 2 2 3 3 2 2 3 3 4 4 5 5 4 4 5 5
//!     6 6 7 7 6 6 7 7 8 8 9 9 8 8 9 9 10 10 11 11 10 10 11 11  6 6 7 7 6 6 7 7 8 8 9 9 8 8 9 9 10 10 11 11 10 10 11 11

requires linear_indexing;
override W: u32;
@group(0) @binding(0) var<storage, read_write> index: array<u32>;
@group(0) @binding(1) var<storage, read_write> group: array<u32>;

struct Inputs { @builtin(workgroup_index) group: u32, @builtin(global_invocation_id) id: vec3u }

@compute @workgroup_size(W, W, W)
fn main(inputs: Inputs, @builtin(global_invocation_index) i: u32) {
    let at = inputs.id.x + 4 * (inputs.id.y + 6 * inputs.id.z);
    index[at] = i;
    group[at] = inputs.group;
}
