// Both extensions in one directive (section Enable Extensions).
//! grid: 1
//! out y: u32 = 3

enable f16, subgroups;

@group(0) @binding(0) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    y[0] = u32(f16(subgroupAdd(1u) + 2));
}
