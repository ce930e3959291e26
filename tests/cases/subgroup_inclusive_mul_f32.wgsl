// subgroupInclusiveMul of f32: the product up to this lane (section Subgroup Built-in Functions).
//! grid: 128
//! out same: u32 = 1*128

enable subgroups;

@group(0) @binding(0) var<storage, read_write> same: array<u32>;
var<workgroup> table: array<f32, 128>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) li: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    let value = select(1.0, 2.0, li % 5 == 0) * select(1.0, -1.0, li % 3 == 0);
    let first = group * size;
    table[first + lane] = value;
    workgroupBarrier();
    let got = subgroupInclusiveMul(value);
    var expected = f32(1);
    for (var k = 0u; k <= lane; k++) {
        expected = expected * table[first + k];
    }
    same[id.x] = u32(got == expected);
}
