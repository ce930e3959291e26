// monte_carlo: the distribution of what a portfolio may lose, from many scenarios drawn by chance.
//
//   params.key             vec2u         which random numbers: the same key gives the same ones
//   params.scenarios       u32           n
//   params.factors         u32           independent factors that matter, at most 16
//   params.lowest          f32           the loss (currency) at which the first bin begins
//   params.bins_per_unit   f32           bins for each unit of currency
//   knots                  u32[1536]     read: the normal distribution's quantiles, in units of 2^-17, times 2^11, and what each is
//                                        more than the next; see `normals_of`
//   positions              Position[m]   read: loadings on the factors (for normal variates in units of 2^-17), the value
//                                        (currency), and the curvature (currency): half the value times the convexity
//   bins                   u32[1024]     counts of losses, added to what stands there; the first bin also counts what is
//                                        less, the last one what is more
//   counters               vec4u[k]      read by `draws`
//   randoms                vec4u[k]      written by `draws`: the Philox output of each counter
//   normals                vec4f[k]      written by `draws`: the normal variates of each output, in units of 2^-17
//   grid                   ceil(n / 4096) workgroups; of `draws` k invocations
//
// In a scenario, a position returns r, the sum of its loadings times the factors, and is then worth
// value * r + curvature * r^2 more: the second order of a full valuation (delta-gamma). The loss is what all of them are
// worth less.
//
// The random numbers are a function of the scenario's number, so no state is kept and any lane can make any scenario. They
// and the normal variates are made of integers and exact conversions alone, so that a key stands for the same scenarios, bit
// for bit, on every device: logarithms and cosines, of which Box and Muller make normal variates, may differ from one to the
// next by more than rounding. What sums them up is f32.
//
// A lane makes two scenarios at once, which share what is read of a position, and of which neither waits for the other's
// products. A workgroup counts 4,096 losses in its own memory and then adds its bins to those of all.
//
// Shows: integer multiplication of 32 x 32 bits, a table read at random, atomics in both memories.
// Ragged edge: scenarios past the last are not counted.
// Source: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011); Cheung, Lee, Luk and
// Villasenor, "Hardware Generation of Arbitrary Random Number Distributions From Uniform Distributions Via the Inversion
// Method" (2007).

const LANES = 256u;
const PER_LANE = 16u;
const BINS = 1024u;

// Knots from a tail probability to its double, and all of them.
const STEPS = 64u;
const KNOTS = 24u * STEPS;

// For two counters beside each other, as are all vectors here.
const MULTIPLIERS = vec4u(0xd2511f53u, 0xcd9e8d57u, 0xd2511f53u, 0xcd9e8d57u);
// The golden ratio and the root of 3, less 1.
const WEYL = vec4u(0x9e3779b9u, 0xbb67ae85u, 0x9e3779b9u, 0xbb67ae85u);
const LOW = vec4u(0xffffu);
const HALF = vec4u(16u);

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
fn upper(a: vec4u, b: vec4u) -> vec4u {
    let a_low = a & LOW;
    let b_low = b & LOW;
    let a_high = a >> HALF;
    let b_high = b >> HALF;
    let middle = a_high * b_low + ((a_low * b_low) >> HALF);
    let other = a_low * b_high + (middle & LOW);
    return a_high * b_high + (middle >> HALF) + (other >> HALF);
}

struct Randoms {
    a: vec4u,
    b: vec4u,
}

// Philox4x32-10 of two counters.
fn philox(a: vec4u, b: vec4u) -> Randoms {
    var left = vec4u(a.xz, b.xz);
    var right = vec4u(a.yw, b.yw);
    var key = params.key.xyxy;
    for (var round = 0u; round < 10u; round++) {
        let lower = MULTIPLIERS * left;
        left = upper(MULTIPLIERS, left).yxwz ^ right ^ key;
        right = lower.yxwz;
        key += WEYL;
    }
    return Randoms(vec4u(left.x, right.x, left.y, right.y), vec4u(left.z, right.z, left.w, right.w));
}

fn knot(i: u32) -> u32 {
    return knots[min(i, KNOTS - 1u)];
}

// Normal variates in units of 2^-17, whole numbers, for 32 random bits each. The lowest bit is the sign. The upper 24, with the
// lowest of them set, are the tail probability in units of 2^-25: an odd number, so that none is beyond 5.5. As an f32 it is
// exact, and there its exponent and the first bits behind are the number of a knot, so that knots divide each doubling of the
// tail probability alike and are as dense in the tail as it needs; what follows is the share of the way to the next.
fn normals_of(random: vec4u) -> vec4f {
    let tail = bitcast<vec4u>(vec4f(vec4i((random >> vec4u(8u)) | vec4u(1u))));
    let i = (tail >> vec4u(17u)) - vec4u(127u * STEPS);
    let entry = vec4u(knot(i.x), knot(i.y), knot(i.z), knot(i.w));
    let share = (tail >> vec4u(1u)) & LOW;
    let size = vec4i((entry >> vec4u(11u)) - (((entry & vec4u(0x7ffu)) * share) >> HALF));
    return vec4f(select(size, -size, (random & vec4u(1u)) == vec4u(1u)));
}

struct Factors {
    a: vec4f,
    b: vec4f,
}

// Four of the factors of two scenarios.
fn factors(a: u32, b: u32, four: u32) -> Factors {
    if (4u * four >= params.factors) {
        return Factors();
    }
    let random = philox(vec4u(a, four, 0u, 0u), vec4u(b, four, 0u, 0u));
    return Factors(normals_of(random.a), normals_of(random.b));
}

fn count(scenario: u32, loss: f32) {
    if (scenario < params.scenarios) {
        let place = (loss - params.lowest) * params.bins_per_unit;
        atomicAdd(&counts[min(u32(clamp(place, 0.0, f32(BINS))), BINS - 1u)], 1u);
    }
}

@compute @workgroup_size(LANES)
fn monte_carlo(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    for (var k = 0u; k < PER_LANE; k += 2u) {
        let a = (group.x * PER_LANE + k) * LANES + lane;
        let b = a + LANES;
        if (a < params.scenarios) {
            let f_0 = factors(a, b, 0u);
            let f_1 = factors(a, b, 1u);
            let f_2 = factors(a, b, 2u);
            let f_3 = factors(a, b, 3u);
            var gains = vec2f();
            for (var i = 0u; i < arrayLength(&positions); i++) {
                let position = positions[i];
                let loadings = position.loadings;
                let change = vec2f(
                    dot(loadings[0], f_0.a) + dot(loadings[1], f_1.a) + dot(loadings[2], f_2.a) + dot(loadings[3], f_3.a),
                    dot(loadings[0], f_0.b) + dot(loadings[1], f_1.b) + dot(loadings[2], f_2.b) + dot(loadings[3], f_3.b),
                );
                gains += change * (position.value + position.curvature * change);
            }
            count(a, -gains.x);
            count(b, -gains.y);
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
        let random = philox(counters[i], counters[i]).a;
        randoms[i] = random;
        normals[i] = normals_of(random);
    }
}
