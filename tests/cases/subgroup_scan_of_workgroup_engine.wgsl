// A scan over a workgroup out of scans over subgroups, as reductions use it.
//! grid: 64
//! device: cpu, because the engine's subgroup is 8 lanes in the order of local_invocation_index
//! in x: u32 = seq(64, 1, 3)
//! out y: u32 = each(64, sum(k, 0, i + 1, x[k]))

enable subgroups;

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
var<workgroup> totals: array<u32, 8>;

@compute @workgroup_size(64)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) group: u32,
    @builtin(subgroup_invocation_id) place: u32,
) {
    let sum = subgroupInclusiveAdd(x[lane]);
    if place == 7 {
        totals[group] = sum;
    }
    workgroupBarrier();
    var before = 0u;
    for (var k = 0u; k < group; k++) {
        before += totals[k];
    }
    y[lane] = before + sum;
}
