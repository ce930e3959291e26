// radix_sort: sorts keys, and a value with each, by eight bits at a time; equal keys stay in their order.
//
//   params.shift   u32        how many lower bits of the keys are sorted already
//   keys           u32[n]     read
//   values         u32[n]     read by `scatter`
//   counts         u32[256 m] written by `count`: how often each block of 2,048 keys has each digit, by digit and then by block;
//                             m = ceil(n / 2048)
//   ends           u32[256 m] read by `scatter`: the inclusive prefix sums of the counts
//   sorted_keys    u32[n]     written by `scatter`, sorted by eight more bits
//   sorted_values  u32[n]     written by `scatter`
//   grid           m workgroups
//
// Four rounds sort 32 bits; in each, `count`, a scan of the counts (the sample `scan`), and `scatter`. All that `scatter` has to
// know of other blocks is in the scan: where the keys of its block with a certain digit go. So no workgroup waits for another,
// which WGSL would not promise to end. `scatter` sorts its block in workgroup memory first, not the keys but where they are, so
// that neighbouring lanes write to neighbouring places, save where a digit ends.
//
// For that it must know, of each key, how many in front of it have the same digit. The keys of a block are cut into eight runs,
// each for sixteen lanes, which take sixteen keys of it at a time, in order. A word for each run and digit holds how many were
// there before in its lower half, and in its upper half a bit for each lane whose key is one more: the bits below a lane's own are
// those in front of it. An atomic sets the bits; in which order, nobody sees.
//
// Shows: a chain in which kernels of two samples follow each other; writes to places that come from memory; atomics whose result
// does not depend on their order.
// Ragged edge: keys past the end count as the highest, come last in their block, and are not written.
// Source: Satish, Harris and Garland, "Designing Efficient Sorting Algorithms for Manycore GPUs" (2009); the ranks by bits of lanes
// as in Adinets and Merrill, "Onesweep: A Faster Least Significant Digit Radix Sort for GPUs" (2022).

const DIGITS = 256u;
// Lanes of `scatter`, and keys of each.
const LANES = 128u;
const ROWS = 16u;
const BLOCK = LANES * ROWS;
// Lanes that share a run of keys.
const TEAM = 16u;
const TEAMS = LANES / TEAM;
const HALF = 0xffffu;

struct Params {
    shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> ends: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;
@group(0) @binding(5) var<storage, read_write> sorted_keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> sorted_values: array<u32>;

// Zero at the start of a workgroup, as WGSL promises.
var<workgroup> bins: array<atomic<u32>, DIGITS>;
// By run and then by digit: bits of lanes and a count, later places in the block; at the end the first words are where digits go.
var<workgroup> tallies: array<atomic<u32>, TEAMS * DIGITS>;
// Sums of lanes; then, in the order of the digit, digits in the upper half and which key of the block it is in the lower one.
var<workgroup> room: array<u32, BLOCK>;

// How many bits are set in the lower half of a word, and in its upper half.
fn ones(bits: u32) -> u32 {
    var x = bits - ((bits >> 1u) & 0x55555555u);
    x = (x & 0x33333333u) + ((x >> 2u) & 0x33333333u);
    x = (x + (x >> 4u)) & 0x0f0f0f0fu;
    return (x + (x >> 8u)) & 0x001f001fu;
}

fn digit_of(key: u32) -> u32 {
    return (key >> params.shift) & (DIGITS - 1u);
}

@compute @workgroup_size(DIGITS)
fn count(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var row = 0u; row < BLOCK / DIGITS; row++) {
        let i = group.x * BLOCK + row * DIGITS + lane;
        if (i < arrayLength(&keys)) {
            atomicAdd(&bins[digit_of(keys[i])], 1u);
        }
    }
    workgroupBarrier();
    let at = lane * groups.x + group.x;
    if (at < arrayLength(&counts)) {
        counts[at] = atomicLoad(&bins[lane]);
    }
}

// Leaves in `room` the sums of what the lanes up to each one have, that one included: two numbers of 16 bits each.
fn scan_lanes(lane: u32, mine: u32) {
    room[lane] = mine;
    workgroupBarrier();
    for (var step = 1u; step < LANES; step *= 2u) {
        var left = 0u;
        if (lane >= step) {
            left = room[lane - step];
        }
        workgroupBarrier();
        room[lane] += left;
        workgroupBarrier();
    }
}

// Where the keys of this block begin that have a digit, in all that is sorted.
fn start_of(digit: u32, group: u32, groups: u32) -> u32 {
    let at = digit * groups + group;
    var start = 0u;
    if (at > 0u && at - 1u < arrayLength(&ends)) {
        start = ends[at - 1u];
    }
    return start;
}

@compute @workgroup_size(LANES)
fn scatter(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let length = arrayLength(&keys);
    let first = group.x * BLOCK;
    let team = lane / TEAM;
    let member = lane % TEAM;
    // The first key of this lane in the block; it has every sixteenth from there.
    let own = team * TEAM * ROWS + member;

    // Of each key its digit, in the upper half, and how many keys in front of it, in its run, have the same.
    var ranks: array<u32, ROWS>;
    for (var row = 0u; row < ROWS; row++) {
        let i = first + own + row * TEAM;
        // What has the highest digit.
        var key = 0xffffffffu;
        if (i < length) {
            key = keys[i];
        }
        let digit = digit_of(key);
        let at = team * DIGITS + digit;
        atomicOr(&tallies[at], (HALF + 1u) << member);
        workgroupBarrier();
        let tally = atomicLoad(&tallies[at]);
        let before = tally & HALF;
        let alike = ones((tally & ~HALF) | ((tally >> 16u) & ((1u << member) - 1u)));
        ranks[row] = (digit << 16u) | (before + (alike & HALF));
        workgroupBarrier();
        // All that are alike write the same.
        atomicStore(&tallies[at], before + (alike >> 16u));
        workgroupBarrier();
    }

    // Each lane sums up two digits, half of all apart, the upper one in the upper half of a word.
    var sums = 0u;
    for (var run = 0u; run < TEAMS; run++) {
        let at = run * DIGITS + lane;
        let low = atomicLoad(&tallies[at]);
        let high = atomicLoad(&tallies[at + LANES]);
        atomicStore(&tallies[at], sums & HALF);
        atomicStore(&tallies[at + LANES], sums >> 16u);
        sums += low | (high << 16u);
    }
    scan_lanes(lane, sums);
    let before = room[lane] - sums;
    let start_low = before & HALF;
    let start_high = (before >> 16u) + (room[LANES - 1u] & HALF);
    for (var run = 0u; run < TEAMS; run++) {
        let at = run * DIGITS + lane;
        atomicStore(&tallies[at], start_low + atomicLoad(&tallies[at]));
        atomicStore(&tallies[at + LANES], start_high + atomicLoad(&tallies[at + LANES]));
    }
    workgroupBarrier();

    for (var row = 0u; row < ROWS; row++) {
        // No digit is beyond the last, and no place beyond the block. Saying so saves checks.
        let digit = (ranks[row] >> 16u) % DIGITS;
        let place = (ranks[row] & HALF) + atomicLoad(&tallies[team * DIGITS + digit]);
        room[place % BLOCK] = (digit << 16u) | (own + row * TEAM);
    }
    workgroupBarrier();
    // What a place in the block has to be raised by to be the one among all, for each digit.
    atomicStore(&tallies[lane], start_of(lane, group.x, groups.x) - start_low);
    atomicStore(&tallies[lane + LANES], start_of(lane + LANES, group.x, groups.x) - start_high);
    workgroupBarrier();

    // Row by row, what is sorted of the block, to where its digit goes.
    for (var row = 0u; row < ROWS; row++) {
        let place = row * LANES + lane;
        let i = first + (room[place] & HALF);
        let to = place + atomicLoad(&tallies[(room[place] >> 16u) % DIGITS]);
        // What is past the end came last.
        if (i < length && i < arrayLength(&values)) {
            if (to < arrayLength(&sorted_keys) && to < arrayLength(&sorted_values)) {
                sorted_keys[to] = keys[i];
                sorted_values[to] = values[i];
            }
        }
    }
}
