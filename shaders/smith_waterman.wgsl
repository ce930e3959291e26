// smith_waterman: the best local alignment of each of many reads with a reference: its score, and where it ends.
//
//   params.equal, params.unequal   i32    what two bases that face each other add to the score: more than 0, less than 0
//   params.open, params.extend     i32    what the first base of a gap takes from it, and each further one: more than 0
//   reference   u32[n]        read: 1 to 4 for the bases, 0 for what equals none
//   spans       vec2u[m]      read: where each read begins in `reads`, and its bases, at most 256
//   reads       u32[]         read: as the reference
//   hits        vec2u[m]      written: the score, and the bases of the reference up to the end of the first alignment that has it
//   grid        m workgroups
//
// The cells of the table of read and reference depend on those above, to the left, and between. A workgroup makes the table
// of a read as a wavefront: a lane has four rows, and in each step makes four columns of them, one step after the lane above
// has made the same columns; so a barrier lets sixteen cells of each lane be made. Lanes keep their rows in registers and
// hand their lowest row, and the bases of the columns, to the lane below through workgroup memory, of which they use one half
// to read and the other to write, in turn.
//
// Where there is no base, there is a 0: it equals nothing, so such cells have less than the best score and are not seen.
//
// Shows: integer arithmetic in a loop with barriers whose length is the same for a workgroup.
// Ragged edge: none, the grid is as many workgroups as there are reads.
// Source: Smith and Waterman, "Identification of Common Molecular Subsequences" (1981); Gotoh, "An Improved Algorithm for
// Matching Biological Sequences" (1982).

const LANES = 64u;
// Rows and columns that a lane makes in a step.
const SIDE = 4u;
// What the first lane reads, which nobody writes, and then what each lane hands on.
const SLOTS = LANES + 1u;

struct Params {
    equal: i32,
    unequal: i32,
    open: i32,
    extend: i32,
}

// Four rows of a column, and what the next column needs of them.
struct Strip {
    // The best score of what ends here.
    score: vec4i,
    // The best of what ends here with a gap in the read.
    gap: vec4i,
    // The best of what ends at the lowest row with a gap in the reference.
    below: i32,
    // The score above the column.
    corner: i32,
    best: i32,
    end: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> reference: array<u32>;
@group(0) @binding(2) var<storage, read> spans: array<vec2u>;
@group(0) @binding(3) var<storage, read> reads: array<u32>;
@group(0) @binding(4) var<storage, read_write> hits: array<vec2u>;

// What lanes hand on, for each column of a step: bases, scores, and scores with a gap in the reference.
var<workgroup> bases: array<array<u32, 2u * SLOTS>, SIDE>;
var<workgroup> scores: array<array<i32, 2u * SLOTS>, SIDE>;
var<workgroup> gaps: array<array<i32, 2u * SLOTS>, SIDE>;
var<workgroup> best: atomic<i32>;
var<workgroup> end: atomic<u32>;

// The column after `s`, which ends at `place` and has `base`, under a row with these scores.
fn column(s: Strip, rows: vec4u, base: u32, score: i32, gap: i32, place: u32) -> Strip {
    let in_read = max(s.gap - params.extend, s.score - params.open);
    let is_equal = (rows == vec4u(base)) & vec4<bool>(base != 0u);
    let facing = vec4i(s.corner, s.score.xyz) + select(vec4i(params.unequal), vec4i(params.equal), is_equal);
    let so_far = max(max(facing, in_read), vec4i());
    // Gaps in the reference run down the column.
    let gap_x = max(gap - params.extend, score - params.open);
    let x = max(so_far.x, gap_x);
    let gap_y = max(gap_x - params.extend, x - params.open);
    let y = max(so_far.y, gap_y);
    let gap_z = max(gap_y - params.extend, y - params.open);
    let z = max(so_far.z, gap_z);
    let gap_w = max(gap_z - params.extend, z - params.open);
    let w = max(so_far.w, gap_w);
    let highest = max(max(x, y), max(z, w));
    let is_better = highest > s.best;
    return Strip(vec4i(x, y, z, w), in_read, gap_w, score, max(s.best, highest), select(s.end, place, is_better));
}

// Base number i of a read, or nothing.
fn read_base(span: vec2u, i: u32) -> u32 {
    let at = span.x + i;
    if (i < span.y && at < arrayLength(&reads)) {
        return reads[at];
    }
    return 0u;
}

// The base in a column, for the first lane: from the reference; for the others, as the lane above had it.
fn base_at(place: u32, lane: u32, handed_on: u32) -> u32 {
    if (lane > 0u) {
        return handed_on;
    }
    if (place < arrayLength(&reference)) {
        return reference[place];
    }
    return 0u;
}

@compute @workgroup_size(LANES)
fn smith_waterman(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    var span = vec2u();
    if (group.x < arrayLength(&spans)) {
        span = spans[group.x];
    }
    let first = SIDE * lane;
    let rows = vec4u(
        read_base(span, first),
        read_base(span, first + 1u),
        read_base(span, first + 2u),
        read_base(span, first + 3u),
    );
    var s: Strip;
    // The last lane that has a row makes the last column.
    let steps = (arrayLength(&reference) + SIDE - 1u) / SIDE + min((span.y + SIDE - 1u) / SIDE, LANES);
    for (var step = 0u; step < steps; step++) {
        let half = (step & 1u) * SLOTS;
        let source = half + lane;
        let target_slot = SLOTS - half + lane + 1u;
        // The first lane's columns begin here; those of the others are as many steps behind.
        let place = SIDE * step;
        let own = place - SIDE * lane;
        let base_0 = base_at(place, lane, bases[0][source]);
        let base_1 = base_at(place + 1u, lane, bases[1][source]);
        let base_2 = base_at(place + 2u, lane, bases[2][source]);
        let base_3 = base_at(place + 3u, lane, bases[3][source]);
        let s_0 = column(s, rows, base_0, scores[0][source], gaps[0][source], own + 1u);
        let s_1 = column(s_0, rows, base_1, scores[1][source], gaps[1][source], own + 2u);
        let s_2 = column(s_1, rows, base_2, scores[2][source], gaps[2][source], own + 3u);
        s = column(s_2, rows, base_3, scores[3][source], gaps[3][source], own + 4u);
        bases[0][target_slot] = base_0;
        bases[1][target_slot] = base_1;
        bases[2][target_slot] = base_2;
        bases[3][target_slot] = base_3;
        scores[0][target_slot] = s_0.score.w;
        scores[1][target_slot] = s_1.score.w;
        scores[2][target_slot] = s_2.score.w;
        scores[3][target_slot] = s.score.w;
        gaps[0][target_slot] = s_0.below;
        gaps[1][target_slot] = s_1.below;
        gaps[2][target_slot] = s_2.below;
        gaps[3][target_slot] = s.below;
        workgroupBarrier();
    }

    atomicMax(&best, s.best);
    workgroupBarrier();
    let highest = atomicLoad(&best);
    if (s.best == highest && highest > 0) {
        // The first: its complement is the largest.
        atomicMax(&end, ~s.end);
    }
    workgroupBarrier();
    if (lane == 0u && group.x < arrayLength(&hits)) {
        hits[group.x] = vec2u(u32(highest), select(0u, ~atomicLoad(&end), highest > 0));
    }
}
