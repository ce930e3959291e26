// quadSwapX exchanges with the neighbour along x (section Quad Operations).
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
    let got = quadSwapX(value);
    let source = lane ^ 1;
    same[id.x] = u32(got == table[first + source]);
}
