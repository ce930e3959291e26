//! Scenarios in native Rust: many side by side in f32, and one by one in f64.

use std::{array, sync::LazyLock};

use rayon::prelude::*;

use super::{
    super::{
        ROUNDING,
        black_scholes::{normal_below, normal_density},
    },
    BINS, FACTORS, Params, Position,
};

/// Scenarios side by side.
const LANES: usize = 64;

/// Scenarios that a worker takes at a time.
const CHUNK: u32 = 1 << 13;

/// Knots between a tail probability and its double.
const STEPS: usize = 64;

/// Quantiles of the normal distribution, as the WGSL wants them.
pub(super) type Knots = [u32; 24 * STEPS];

/// Units of a normal variate: 2^-17.
pub(super) const UNITS: f64 = (1 << 17) as f64;

/// The knots: number i is for a tail probability of 2^(i / 64 - 25), the exponent rounded down, and as many 64ths of that as
/// remain.
pub(super) static KNOTS: LazyLock<Knots> = LazyLock::new(|| {
    let mut knots = [0; 24 * STEPS];
    // From the middle outwards by Newton's method: the tail is convex, so that no step goes too far.
    let (mut quantile, mut next) = (0.0f64, 0);
    for (i, knot) in knots.iter_mut().enumerate().rev() {
        let probability = (1.0 + (i % STEPS) as f64 / STEPS as f64) * 2f64.powi((i / STEPS) as i32 - 25);
        for _ in 0..8 {
            quantile += (normal_below(-quantile) - probability) / normal_density(quantile);
        }
        let units = (quantile * UNITS).round() as u32;
        *knot = units << 11 | (units - next);
        next = units;
    }
    knots
});

/// By how much a normal variate is off at most.
///
/// Between knots that are h apart, a straight line is off by h^2 / 8 of the second derivative. That of the quantile by the
/// tail probability p is less than 1/2 over the square of p (it is the quantile times the square of Mills' ratio, 0.43 at most),
/// and h is a 64th of p. Half a unit is from rounding the knots, two from shares of 16 bits in whole units.
pub(super) const NORMAL_ERROR: f64 = 0.5 / (8 * STEPS * STEPS) as f64 + 2.5 / UNITS;

/// Philox4x32-10 of `L` counters.
#[inline(always)]
pub(super) fn philox<const L: usize>(counter: [[u32; L]; 4], mut key: [u32; 2]) -> [[u32; L]; 4] {
    let [mut c_0, mut c_1, mut c_2, mut c_3] = counter;
    for _ in 0..10 {
        #[allow(clippy::needless_range_loop, reason = "four rows at a time")]
        for lane in 0..L {
            let a = 0xd251_1f53 * u64::from(c_0[lane]);
            let b = 0xcd9e_8d57 * u64::from(c_2[lane]);
            c_0[lane] = (b >> 32) as u32 ^ c_1[lane] ^ key[0];
            c_2[lane] = (a >> 32) as u32 ^ c_3[lane] ^ key[1];
            c_1[lane] = b as u32;
            c_3[lane] = a as u32;
        }
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    [c_0, c_1, c_2, c_3]
}

/// The normal variate that the WGSL's `normals_of` makes, in units.
#[inline(always)]
pub(super) fn normal(random: u32, knots: &Knots) -> i32 {
    let tail = ((random >> 8 | 1) as i32 as f32).to_bits();
    let from = knots[((tail >> 17) as usize - 127 * STEPS).min(knots.len() - 1)];
    let share = tail >> 1 & 0xffff;
    let size = ((from >> 11) - (((from & 0x7ff) * share) >> 16)) as i32;
    if random & 1 == 1 { -size } else { size }
}

/// Counts the losses of all scenarios.
pub(super) fn count(params: &Params, positions: &[Position], bins: &mut [u32]) {
    let chunks = (0..params.scenarios.div_ceil(CHUNK)).into_par_iter();
    let counts = chunks.fold(
        || vec![0; BINS],
        |mut counts, chunk| {
            let first = chunk * CHUNK;
            count_some(params, positions, first, params.scenarios.min(first.saturating_add(CHUNK)), &mut counts);
            counts
        },
    );
    let add = |mut a: Vec<u32>, b: Vec<u32>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    bins.copy_from_slice(&counts.reduce(|| vec![0; BINS], add));
}

#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512cd+fma", "x86_64+avx2+fma"))]
fn count_some(params: &Params, positions: &[Position], first: u32, end: u32, counts: &mut [u32]) {
    let fused = |a: f32, b: f32, c: f32| {
        if multiversion::target::target_cfg_f!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
    };
    let knots = &*KNOTS;
    let blocks = (params.factors as usize).div_ceil(4);
    let mut factors = [[0.0f32; LANES]; FACTORS];
    for start in (first..end).step_by(LANES) {
        let scenarios: [u32; LANES] = array::from_fn(|lane| start.wrapping_add(lane as u32));
        for (block, rows) in factors.as_chunks_mut::<4>().0.iter_mut().enumerate().take(blocks) {
            let randoms = philox([scenarios, [block as u32; LANES], [0; LANES], [0; LANES]], params.key);
            for (row, randoms) in rows.iter_mut().zip(randoms) {
                for lane in 0..LANES {
                    row[lane] = normal(randoms[lane], knots) as f32;
                }
            }
        }
        let mut gains = [0.0f32; LANES];
        for position in positions {
            let mut change = [0.0f32; LANES];
            for (loading, row) in position.loadings.as_flattened().iter().zip(&factors[..4 * blocks]) {
                for lane in 0..LANES {
                    change[lane] = fused(*loading, row[lane], change[lane]);
                }
            }
            for lane in 0..LANES {
                let slope = fused(position.curvature, change[lane], position.value);
                gains[lane] = fused(change[lane], slope, gains[lane]);
            }
        }
        for gain in &gains[..LANES.min((end - start) as usize)] {
            let place = (-gain - params.lowest) * params.bins_per_unit;
            // Below zero is zero.
            counts[(place as usize).min(BINS - 1)] += 1;
        }
    }
}

/// How many losses are below the end of each bin, at least and at most, where f32 may round either way.
pub(super) struct Bounds {
    pub least: Vec<u64>,
    pub most: Vec<u64>,
}

impl Bounds {
    pub fn new(params: &Params, positions: &[Position]) -> Bounds {
        let none = || [vec![0u64; BINS], vec![0u64; BINS]];
        let counts = (0..params.scenarios).into_par_iter().with_min_len(256).fold(none, |mut counts, scenario| {
            let (place, error) = place(params, positions, scenario);
            for (counts, place) in counts.iter_mut().zip([place + error, place - error]) {
                counts[(place as usize).min(BINS - 1)] += 1;
            }
            counts
        });
        let add = |mut a: [Vec<u64>; 2], b: [Vec<u64>; 2]| {
            a.iter_mut().flatten().zip(b.iter().flatten()).for_each(|(a, b)| *a += b);
            a
        };
        let [least, most] = counts.reduce(none, add).map(running);
        Bounds { least, most }
    }
}

/// The sums up to each count.
pub(super) fn running(counts: Vec<u64>) -> Vec<u64> {
    let sums = counts.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    sums.collect()
}

/// Where in the bins the loss of a scenario lies, in f64, and by how much f32 may be off.
///
/// A return is a sum of 16 products, and off by at most 16 roundings of their magnitudes, in any order and fused or not.
/// What a position is worth of it has 3 roundings more, besides what the return's error makes of it; then one for each
/// position, and two on the way into the bins. A hundredth more covers what is of second order.
fn place(params: &Params, positions: &[Position], scenario: u32) -> (f64, f64) {
    const UNIT: f64 = 1.01 * ROUNDING;
    let knots = &*KNOTS;
    let mut factors = [0.0; FACTORS];
    for (block, factors) in factors.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        if 4 * block < params.factors as usize {
            let randoms = philox([[scenario], [block as u32], [0], [0]], params.key);
            *factors = randoms.map(|[random]| f64::from(normal(random, knots)));
        }
    }
    let (mut gain, mut error, mut magnitude) = (0.0, 0.0, 0.0);
    for position in positions {
        let (mut change, mut terms) = (0.0, 0.0);
        for (&loading, factor) in position.loadings.as_flattened().iter().zip(&factors) {
            let term = f64::from(loading) * factor;
            change += term;
            terms += term.abs();
        }
        let [value, curvature] = [position.value, position.curvature].map(f64::from);
        gain += change * (value + curvature * change);
        let off = FACTORS as f64 * (UNIT * terms + f64::from(f32::MIN_POSITIVE));
        let most = change.abs() + off;
        let worth = most * (value.abs() + curvature.abs() * most);
        error += off * (value.abs() + 2.0 * curvature.abs() * most) + 3.0 * UNIT * worth;
        magnitude += worth;
    }
    error += positions.len() as f64 * UNIT * magnitude;
    let [lowest, bins_per_unit] = [params.lowest, params.bins_per_unit].map(f64::from);
    let place = (-gain - lowest) * bins_per_unit;
    (place, error * bins_per_unit + 2.0 * UNIT * (place.abs() + error * bins_per_unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123, the authors' own code: counter, key, output.
    #[test]
    fn philox_has_its_known_answers() {
        for (counter, key, output) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter.map(|word| [word]), key).map(|[word]| word), output);
        }
    }

    /// Over the whole range.
    #[test]
    fn normal_variates_are_quantiles() {
        let knots = &*KNOTS;
        assert!(knots.windows(2).all(|pair| (pair[0] >> 11) - (pair[0] & 0x7ff) == pair[1] >> 11));
        assert_eq!(knots.map(|knot| (knot >> 11) - (knot & 0x7ff)).last(), Some(&0));
        let mut tail = 1u32;
        while tail < 1 << 24 {
            let [above, below] = [tail << 8, tail << 8 | 0xff].map(|random| normal(random, knots));
            assert_eq!(below, -above);
            let quantile = f64::from(above) / UNITS;
            // Compared as probabilities, for there is no closed form of quantiles.
            let probability = f64::from(tail | 1) / 2f64.powi(25);
            let off = (normal_below(-quantile) - probability) / normal_density(quantile);
            assert!(off.abs() < NORMAL_ERROR, "{tail}: {quantile} is off by {off}");
            tail += tail / 97 + 2;
        }
    }
}
