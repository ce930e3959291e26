// Sums and scans across a subgroup, and its first lane, whatever its size.
//! grid: 64
//! inout sums: u32 = 0*64 -> 1*64

@group(0) @binding(0) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(global_invocation_id) id: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
    @builtin(subgroup_size) size: u32,
) {
    let i = id.x;
    let first = subgroupBroadcastFirst(i);
    let total = subgroupAdd(i);
    let before = subgroupExclusiveAdd(1u);
    let through = subgroupInclusiveAdd(2u);
    let most = subgroupMax(i);
    var ok = before == lane && through == 2 * (lane + 1) && i == first + lane;
    ok = ok && most == first + size - 1 && total == size * first + size * (size - 1) / 2;
    ok = ok && subgroupAny(lane == 0) && subgroupAll(i >= first);
    sums[i] = u32(ok);
}
