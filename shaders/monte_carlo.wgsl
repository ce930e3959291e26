// monte_carlo: the distribution of what a portfolio may lose, from many scenarios drawn by chance.
//
//   params.key             vec2u         which random numbers: the same key gives the same ones
//   params.scenarios       u32           n
//   params.factors         u32           independent factors that matter, at most 16
//   params.lowest          f32           the loss (currency) at which the first bin begins
//   params.bins_per_unit   f32           bins for each unit of currency
//   knots                  u32[2049]     read: the normal distribution's quantiles, in units of 2^-20; see `normal`
//   positions              Position[m]   read: loadings on the factors (for normal variates in units of 2^-20), the value
//                                        (currency), and the curvature (currency): half the value times the convexity
//   bins                   u32[1024]     counts of losses, added to what stands there; the first bin also counts what is
//                                        less, the last one what is more
//   counters               vec4u[k]      read by `draws`
//   randoms                vec4u[k]      written by `draws`: the Philox output of each counter
//   normals                vec4f[k]      written by `draws`: the normal variates of each output, in units of 2^-20
//   grid                   ceil(n / 4096) workgroups; of `draws` k invocations
//
// In a scenario, a position returns r, the sum of its loadings times the factors, and is then worth
// value * r + curvature * r^2 more: the second order of a full valuation (delta-gamma). The loss is what all of them are
// worth less.
//
// The random numbers are a function of the scenario's number, so no state is kept and any lane can make any scenario. They
// and the normal variates are made of integers alone, so that a key stands for the same scenarios, bit for bit, on every
// device: logarithms and cosines, of which Box and Muller make normal variates, may differ from one to the next by more
// than rounding. What sums them up is f32.
//
// A workgroup counts 4,096 losses in its own memory and then adds its bins to those of all.
//
// Shows: integer multiplication of 32 x 32 bits, a table read at random, atomics in both memories.
// Ragged edge: scenarios past the last are not drawn.
// Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011); Cheung, Lee, Luk and
// Villasenor, "Hardware Generation of Arbitrary Random Number Distributions From Uniform Distributions Via the Inversion
// Method" (2007).

const LANES = 256u;
const PER_LANE = 16u;
const BINS = 1024u;

// Knots between a tail probability and its double, and all of them.
const STEPS = 64u;
const KNOTS = 32u * STEPS + 1u;

const MULTIPLIERS = vec2u(0xd2511f53u, 0xcd9e8d57u);
// The golden ratio and the root of 3, less 1.
const WEYL = vec2u(0x9e3779b9u, 0xbb67ae85u);
const LOW = vec2u(0xffffu);
const HALF = vec2u(16u);

struct Params {
    key: vec2u,
    scenarios: u32,
    factors: u32,
    lowest: f32,
    bins_per_unit: f32,
}

struct Position {
    loadings: array<vec4f, 4>,
    value: f32,
    curvature: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> knots: array<u32, KNOTS>;
@group(0) @binding(2) var<storage, read> positions: array<Position>;
@group(0) @binding(3) var<storage, read_write> bins: array<atomic<u32>, BINS>;
@group(0) @binding(4) var<storage, read> counters: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> randoms: array<vec4u>;
@group(0) @binding(6) var<storage, read_write> normals: array<vec4f>;

// Zero at the start of a workgroup, as WGSL promises.
var<workgroup> counts: array<atomic<u32>, BINS>;

// The upper 32 bits of the products, from halves of 16 bits. No sum here reaches 2^32.
fn upper(a: vec2u, b: vec2u) -> vec2u {
    let a_low = a & LOW;
    let b_low = b & LOW;
    let a_high = a >> HALF;
    let b_high = b >> HALF;
    let middle = a_high * b_low + ((a_low * b_low) >> HALF);
    let other = a_low * b_high + (middle & LOW);
    return a_high * b_high + (middle >> HALF) + (other >> HALF);
}

// Philox4x32-10.
fn philox(counter: vec4u) -> vec4u {
    var left = counter.xz;
    var right = counter.yw;
    var key = params.key;
    for (var round = 0u; round < 10u; round++) {
        let lower = MULTIPLIERS * left;
        left = upper(MULTIPLIERS, left).yx ^ right ^ key;
        right = lower.yx;
        key += WEYL;
    }
    return vec4u(left.x, right.x, left.y, right.y);
}

// A normal variate in units of 2^-20, a whole number below 2^23, for 32 random bits. The lowest bit is the sign. With it
// set, the bits are the tail probability in units of 2^-33, an odd number: the quantile is that of the knot before it and a
// share of what is between that and the next. Knots divide each doubling of the tail probability alike, so that they are as
// dense in the tail as it needs.
fn normal(random: u32) -> f32 {
    let tail = random | 1u;
    let zeros = countLeadingZeros(tail);
    let bits = tail << zeros;
    let knot = min((31u - zeros) * STEPS + ((bits >> 25u) & (STEPS - 1u)), KNOTS - 2u);
    let quantile = knots[knot];
    let share = (bits >> 9u) & 0xffffu;
    let size = i32(quantile - (((quantile - knots[knot + 1u]) * share) >> 16u));
    return f32(select(size, -size, (random & 1u) == 1u));
}

// Four of a scenario's factors.
fn factors(scenario: u32, four: u32) -> vec4f {
    if (4u * four >= params.factors) {
        return vec4f();
    }
    let random = philox(vec4u(scenario, four, 0u, 0u));
    return vec4f(normal(random.x), normal(random.y), normal(random.z), normal(random.w));
}

fn loss(scenario: u32) -> f32 {
    let f_0 = factors(scenario, 0u);
    let f_1 = factors(scenario, 1u);
    let f_2 = factors(scenario, 2u);
    let f_3 = factors(scenario, 3u);
    var gain = 0.0;
    for (var i = 0u; i < arrayLength(&positions); i++) {
        let position = positions[i];
        let loadings = position.loadings;
        let change = dot(loadings[0], f_0) + dot(loadings[1], f_1) + dot(loadings[2], f_2) + dot(loadings[3], f_3);
        gain += change * (position.value + position.curvature * change);
    }
    return -gain;
}

@compute @workgroup_size(LANES)
fn monte_carlo(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    for (var k = 0u; k < PER_LANE; k++) {
        let scenario = (group.x * PER_LANE + k) * LANES + lane;
        if (scenario < params.scenarios) {
            let place = (loss(scenario) - params.lowest) * params.bins_per_unit;
            atomicAdd(&counts[min(u32(clamp(place, 0.0, f32(BINS))), BINS - 1u)], 1u);
        }
    }
    workgroupBarrier();
    for (var bin = lane; bin < BINS; bin += LANES) {
        let count = atomicLoad(&counts[bin]);
        if (count > 0u) {
            atomicAdd(&bins[bin], count);
        }
    }
}

@compute @workgroup_size(64)
fn draws(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < arrayLength(&counters) && i < arrayLength(&randoms) && i < arrayLength(&normals)) {
        let random = philox(counters[i]);
        randoms[i] = random;
        normals[i] = vec4f(normal(random.x), normal(random.y), normal(random.z), normal(random.w));
    }
}
