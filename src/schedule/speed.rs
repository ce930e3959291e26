//! How fast a member is, from what it did.

use std::time::Duration;

/// How much less an observation counts with each one that follows it.
const FADING: f64 = 0.8;

/// How many times longer or shorter than predicted a claim may be before it counts as no more than that, once. The same
/// again is believed.
const CLIP: f64 = 3.0;

/// Estimates the time of a claim as `fixed + units * unit`: weighted least squares in which each observation counts by
/// its relative error, and older ones count less.
#[derive(Clone, Debug)]
pub(crate) struct Speed {
    /// Sums of weight, weight * units, weight * units^2, weight * time, weight * units * time.
    sums: [f64; 5],
    seen: u32,
    largest: u32,
    /// Seconds of the shortest claim; no claim's fixed part is more.
    shortest: f64,
    /// Units and seconds of claims by size, for each power of four, and how many; fading.
    sizes: [(f64, f64, f64); SIZES],
    /// Whether the last one was clipped, and in which direction.
    was_clipped: i8,
    /// Seconds a claim costs however small it is, and seconds for each unit.
    fixed: f64,
    unit: Option<f64>,
    /// How far claims were from what was predicted, as a part of that; fading.
    error: f64,
}

/// Classes of claims by size: the powers of four.
const SIZES: usize = 16;

fn class(units: u32) -> usize {
    units.max(1).ilog2() as usize / 2
}

impl Speed {
    pub fn new(rate: Option<f64>, fixed: Option<Duration>) -> Speed {
        let unit = rate.filter(|rate| *rate > 0.0 && rate.is_finite()).map(f64::recip);
        let fixed = fixed.map_or(0.0, |fixed| fixed.as_secs_f64());
        Speed {
            sums: [0.0; 5],
            seen: 0,
            largest: 0,
            shortest: f64::INFINITY,
            sizes: [(0.0, 0.0, 0.0); SIZES],
            was_clipped: 0,
            fixed,
            unit,
            error: 0.2,
        }
    }

    /// A claim of so many units took so long.
    pub fn observe(&mut self, units: u32, took: Duration) {
        let (n, mut t) = (f64::from(units.max(1)), took.as_secs_f64().max(1e-9));
        if let (Some(unit), true) = (self.unit, self.seen > 0) {
            let expected = self.fixed + n * unit;
            if self.seen > 1 {
                let error = (t / expected - 1.0).abs().min(1.0);
                self.error = self.error * FADING + error * (1.0 - FADING);
            }
            let clipped = t.clamp(expected / CLIP, expected * CLIP);
            let far = if clipped < t {
                1
            } else if clipped > t {
                -1
            } else {
                0
            };
            if far != 0 && far == self.was_clipped {
                // Twice in a row is no spike: what was learned before is of another machine.
                self.sums = self.sums.map(|sum| sum * 0.05);
                self.was_clipped = 0;
            } else {
                t = clipped;
                self.was_clipped = far;
            }
        }
        self.seen += 1;
        self.shortest = self.shortest.min(t);
        let size = &mut self.sizes[class(units)];
        *size = (size.0 * FADING + n, size.1 * FADING + t, size.2 * FADING + 1.0);
        self.largest = self.largest.max(units);
        // By what it should have taken: what it did take is what is uncertain.
        let expected = self.unit.map_or(t, |unit| self.fixed + n * unit);
        let weight = 1.0 / (expected * expected);
        let terms = [1.0, n, n * n, t, n * t];
        for (sum, term) in self.sums.iter_mut().zip(terms) {
            *sum = *sum * FADING + weight * term;
        }
        self.solve();
    }

    fn solve(&mut self) {
        let [w, wn, wnn, wt, wnt] = self.sums;
        let determinant = w * wnn - wn * wn;
        // Claims of one size say nothing about the fixed part.
        let fixed = if determinant > 0.1 * w * wnn { (wt * wnn - wnt * wn) / determinant } else { self.fixed };
        let least = wt / wn;
        let fixed = fixed.clamp(0.0, 0.9 * self.shortest);
        let unit = (wnt - fixed * wn) / wnn;
        self.fixed = fixed;
        self.unit = Some(if unit > 0.05 * least { unit } else { 0.05 * least });
    }

    /// Units per second in a large claim.
    pub fn rate(&self) -> Option<f64> {
        self.unit.map(f64::recip)
    }

    /// Seconds that a claim costs however small it is.
    pub fn fixed(&self) -> f64 {
        self.fixed
    }

    /// How far its claims are from what is predicted, as a part of that.
    pub fn error(&self) -> f64 {
        self.error
    }

    /// Units of the largest claim observed.
    pub fn largest(&self) -> u32 {
        self.largest
    }

    /// The largest size worth having: beyond it, claims were slower for their size than smaller ones, as they are where what
    /// they touch no longer fits a cache.
    pub fn best_size(&self) -> u32 {
        let rate = |at: usize| self.sizes[at].0 / self.sizes[at].1;
        let seen = |at: &usize| self.sizes[*at].2 >= 1.5;
        let Some(top) = (0..SIZES).rev().find(|at| self.sizes[*at].2 > 0.0) else { return u32::MAX };
        let best = (0..top).filter(seen).max_by(|&a, &b| rate(a).total_cmp(&rate(b)));
        match best {
            Some(best) if seen(&top) && rate(best) > 1.08 * rate(top) => {
                (4u64.pow(best as u32 + 1) - 1).min(u32::MAX.into()) as u32
            }
            _ => u32::MAX,
        }
    }

    /// How long a claim of so many units takes.
    pub fn predict(&self, units: u32) -> Option<Duration> {
        let seconds = self.fixed + f64::from(units) * self.unit?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}
