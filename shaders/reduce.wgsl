// reduce: sum, smallest and largest of any number of values.
//
//   values     f32[n]                 read by `reduce`
//   partials   (sum, min, max)[n]     read by `combine`
//   results    (sum, min, max)[m]     written, one for each workgroup; m = ceil(n / 4096)
//   grid       m workgroups
//
// `reduce` turns 4,096 values into one triple; `combine` does the same to triples, and is run again
// until one is left. A lane folds 16 elements that stand 256 apart, so that neighbouring lanes read
// neighbouring elements; the 256 lanes then fold in a tree of eight levels. No sum has more than
// 24 additions on its path in one pass, which is what keeps the rounding error small.
//
// Ragged edge: what is past the end counts as (0, largest float, smallest float), which changes nothing.
// Source: Harris, "Optimizing Parallel Reduction in CUDA" (2007).

const LANES = 256u;
const PER_LANE = 16u;
const LARGEST = 0x1.fffffep+127f;

struct Stats {
    sum: f32,
    min: f32,
    max: f32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> partials: array<Stats>;
@group(0) @binding(2) var<storage, read_write> results: array<Stats>;

var<workgroup> sums: array<f32, LANES>;
var<workgroup> mins: array<f32, LANES>;
var<workgroup> maxs: array<f32, LANES>;

// Folds what the lanes of a workgroup hold; lane 0 writes the result.
fn fold(lane: u32, group: u32, mine: Stats) {
    sums[lane] = mine.sum;
    mins[lane] = mine.min;
    maxs[lane] = mine.max;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            sums[lane] += sums[lane + width];
            mins[lane] = min(mins[lane], mins[lane + width]);
            maxs[lane] = max(maxs[lane], maxs[lane + width]);
        }
        workgroupBarrier();
    }
    if (lane == 0u && group < arrayLength(&results)) {
        results[group] = Stats(sums[0], mins[0], maxs[0]);
    }
}

@compute @workgroup_size(LANES)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let count = arrayLength(&values);
    var mine = Stats(0.0, LARGEST, -LARGEST);
    for (var k = 0u; k < PER_LANE; k++) {
        let i = (group.x * PER_LANE + k) * LANES + lane;
        if (i < count) {
            let value = values[i];
            mine = Stats(mine.sum + value, min(mine.min, value), max(mine.max, value));
        }
    }
    fold(lane, group.x, mine);
}

@compute @workgroup_size(LANES)
fn combine(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let count = arrayLength(&partials);
    var mine = Stats(0.0, LARGEST, -LARGEST);
    for (var k = 0u; k < PER_LANE; k++) {
        let i = (group.x * PER_LANE + k) * LANES + lane;
        if (i < count) {
            let part = partials[i];
            mine = Stats(mine.sum + part.sum, min(mine.min, part.min), max(mine.max, part.max));
        }
    }
    fold(lane, group.x, mine);
}
