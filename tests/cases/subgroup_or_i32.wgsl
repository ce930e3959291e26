// subgroupOr of i32: the bits that any lane has (section Subgroup Built-in Functions).
//! grid: 128
//! out same: u32 = 1*128

enable subgroups;

@group(0) @binding(0) var<storage, read_write> same: array<u32>;
var<workgroup> table: array<i32, 128>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) li: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    let value = bitcast<i32>(li * 2654435761u);
    let first = group * size;
    table[first + lane] = value;
    workgroupBarrier();
    let got = subgroupOr(value);
    var expected = i32(0);
    for (var k = 0u; k < size; k++) {
        expected = expected | table[first + k];
    }
    same[id.x] = u32(got == expected);
}
