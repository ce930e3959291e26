// histogram: counts values into 256 bins of equal width.
//
//   params.shift   u32         a bin is 2^shift wide
//   values         u32[n]      read; bin b holds b * 2^shift <= value < (b + 1) * 2^shift, the last
//                              bin also everything above
//   bins           u32[256]    counts, added to what stands there
//   grid           ceil(n / 4096) workgroups
//
// A workgroup counts 4,096 values in its own memory and then adds its bins to those of all, so that
// the contended additions are 16 times fewer than the values, and values that are all alike cost
// little more than values that are not.
//
// Ragged edge: what is past the end is not counted.
// Source: Podlozhnyuk, "Histogram calculation in CUDA" (2007).

const BINS = 256u;
const PER_LANE = 16u;

struct Params {
    shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> bins: array<atomic<u32>, BINS>;

// Zero at the start of a workgroup, as WGSL promises.
var<workgroup> counts: array<atomic<u32>, BINS>;

// One lane for each bin.
@compute @workgroup_size(BINS)
fn histogram(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let length = arrayLength(&values);
    for (var k = 0u; k < PER_LANE; k++) {
        let i = (group.x * PER_LANE + k) * BINS + lane;
        if (i < length) {
            atomicAdd(&counts[min(values[i] >> params.shift, BINS - 1u)], 1u);
        }
    }
    workgroupBarrier();
    let count = atomicLoad(&counts[lane]);
    if (count > 0u) {
        atomicAdd(&bins[lane], count);
    }
}
