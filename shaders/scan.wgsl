// scan: inclusive prefix sum of any number of u32 values; sums wrap around at 2^32.
//
//   values    u32[n]    read by all three kernels
//   totals    u32[m]    written by `reduce_blocks`: the sum of each block; m = ceil(n / 2048)
//   offsets   u32[m]    read by `scan_blocks`: the prefix sums of the totals
//   sums      u32[n]    written by the others: sums[i] = values[0] + ... + values[i]
//   grid      m workgroups
//
// A block of 2,048 values is scanned by `scan_block`. More are reduced to their totals; the totals are scanned, in the
// same way if they fill more than one block; then `scan_blocks` scans each block and adds what stands before it. Each
// value is read twice and each sum written once.
//
// In a block, values are read and sums written row by row, so that neighbouring lanes touch neighbouring elements; in
// between, in workgroup memory, each lane has eight that follow each other. Their sums are scanned in eight steps.
//
// Ragged edge: what is past the end counts as 0, and is not written.
// Source: Blelloch, "Prefix Sums and Their Applications" (1990); Harris, Sengupta and Owens, "Parallel Prefix Sum (Scan)
// with CUDA" (2007).

const LANES = 256u;
const PER_LANE = 8u;
const BLOCK = LANES * PER_LANE;

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;
@group(0) @binding(3) var<storage, read_write> sums: array<u32>;

var<workgroup> block: array<u32, BLOCK>;
var<workgroup> partials: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn reduce_blocks(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let count = arrayLength(&values);
    var sum = 0u;
    for (var row = 0u; row < PER_LANE; row++) {
        let i = group.x * BLOCK + row * LANES + lane;
        if (i < count) {
            sum += values[i];
        }
    }
    partials[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            partials[lane] += partials[lane + width];
        }
        workgroupBarrier();
    }
    if (lane == 0u && group.x < arrayLength(&totals)) {
        totals[group.x] = partials[0];
    }
}

// Scans the block of a workgroup, in front of which everything adds up to `before`.
fn scan(group: u32, lane: u32, before: u32) {
    let count = arrayLength(&values);
    for (var row = 0u; row < PER_LANE; row++) {
        let i = group * BLOCK + row * LANES + lane;
        var value = 0u;
        if (i < count) {
            value = values[i];
        }
        block[row * LANES + lane] = value;
    }
    workgroupBarrier();

    var mine = 0u;
    for (var k = 0u; k < PER_LANE; k++) {
        mine += block[lane * PER_LANE + k];
    }
    partials[lane] = mine;
    workgroupBarrier();
    for (var step = 1u; step < LANES; step *= 2u) {
        var left = 0u;
        if (lane >= step) {
            left = partials[lane - step];
        }
        workgroupBarrier();
        partials[lane] += left;
        workgroupBarrier();
    }

    var sum = before + partials[lane] - mine;
    for (var k = 0u; k < PER_LANE; k++) {
        sum += block[lane * PER_LANE + k];
        block[lane * PER_LANE + k] = sum;
    }
    workgroupBarrier();
    for (var row = 0u; row < PER_LANE; row++) {
        let i = group * BLOCK + row * LANES + lane;
        if (i < arrayLength(&sums)) {
            sums[i] = block[row * LANES + lane];
        }
    }
}

@compute @workgroup_size(LANES)
fn scan_block(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    scan(group.x, lane, 0u);
}

@compute @workgroup_size(LANES)
fn scan_blocks(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    var before = 0u;
    if (group.x > 0u) {
        before = offsets[group.x - 1u];
    }
    scan(group.x, lane, before);
}
