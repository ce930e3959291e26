// Subgroup operations on vectors work on each component (section Subgroup Built-in Functions).
//! grid: 128
//! out same: u32 = 1*128

enable subgroups;

@group(0) @binding(0) var<storage, read_write> same: array<u32>;
var<workgroup> table: array<vec3f, 128>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(local_invocation_index) li: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    let value = vec3f(f32(li % 7), 1.0, -f32(li % 4));
    let first = group * size;
    table[first + lane] = value;
    workgroupBarrier();
    let got = subgroupInclusiveAdd(value);
    var expected = vec3f();
    for (var k = 0u; k <= lane; k++) {
        expected += table[first + k];
    }
    same[id.x] = u32(all(got == expected));
}
