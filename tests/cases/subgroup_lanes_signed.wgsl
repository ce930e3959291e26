// Lanes may be named by i32 and by abstract integers (section Subgroup Built-in Functions).
//! grid: 128
//! out same: u32 = 1*128

enable subgroups;

@group(0) @binding(0) var<storage, read_write> same: array<u32>;
var<workgroup> table: array<u32, 128>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) li: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    let value = li * 2654435761u;
    let first = group * size;
    table[first + lane] = value;
    workgroupBarrier();
    let got = subgroupBroadcast(subgroupShuffle(value, i32(lane ^ 1)), 1);
    let source = 0u;
    same[id.x] = u32(got == table[first + source]);
}
