//! How fast a member is, from what it did.

use std::time::Duration;

/// How much less an observation counts with each one that follows it.
const FADING: f64 = 0.85;

/// The same for how far claims are from what is predicted.
const ERROR_FADING: f64 = 0.85;

/// How many times longer or shorter than predicted a claim may be before it counts as no more than that, once. The same
/// again is believed.
const CLIP: f64 = 2.5;

/// What is left of earlier observations once they are of another machine.
const FORGOTTEN: f64 = 0.05;

/// How far claims are from what is predicted before any was, as a part of that.
const FIRST_ERROR: f64 = 0.15;

/// The share of the shortest claim that may have been its fixed cost.
const MOST_FIXED: f64 = 0.9;

/// Seconds that a claim costs at most however small it is, as long as nothing is known: to launch something takes no more.
const USUAL_FIXED: f64 = 2e-3;

/// Classes of claims by size: the powers of four.
const CLASSES: usize = 16;

/// By how much smaller claims must be faster, for their size, before they are preferred.
const CLEARLY_FASTER: f64 = 1.08;

/// Estimates the time of a claim as `fixed + units * unit`: weighted least squares in which each observation counts by
/// its relative error, and older ones count less.
///
/// Where a member has several claims in flight, the time of a claim is the time since the one before it landed. One that
/// found nothing in front of it takes longer by the member's *latency*, which the others hide.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    /// Sums of weight, weight * units, weight * units^2, weight * time, weight * units * time.
    sums: [f64; 5],
    seen: u32,
    /// Units and seconds of the first claim, as long as only ones that found nothing in front of them have landed.
    cold: Option<(f64, f64)>,
    /// Seconds of the shortest claim.
    shortest: f64,
    /// Units, seconds and claims by size; fading.
    classes: [[f64; 3]; CLASSES],
    /// Whether the last claim was clipped, and in which direction.
    clipped: i8,
    /// Seconds a claim costs however small it is, and seconds for each unit.
    fixed: f64,
    unit: Option<f64>,
    latency: f64,
    /// Whether the fixed cost is told apart from the rest.
    is_fixed_known: bool,
    error: f64,
}

fn class(units: u32) -> usize {
    units.max(1).ilog2() as usize / 2
}

impl Speed {
    /// Of a member of which this much is known.
    pub fn new(rate: Option<f64>, fixed: Option<Duration>) -> Speed {
        Speed {
            sums: [0.0; 5],
            seen: 0,
            cold: None,
            shortest: f64::INFINITY,
            classes: [[0.0; 3]; CLASSES],
            clipped: 0,
            fixed: fixed.map_or(0.0, |fixed| fixed.as_secs_f64()),
            unit: rate.filter(|rate| *rate > 0.0 && rate.is_finite()).map(f64::recip),
            latency: 0.0,
            is_fixed_known: fixed.is_some(),
            error: FIRST_ERROR,
        }
    }

    /// A claim of so many units took so many seconds. It `is_cold` if it found nothing in front of it, where there often
    /// is something.
    pub fn observe(&mut self, units: u32, seconds: f64, is_cold: bool) {
        let (n, mut t) = (f64::from(units.max(1)), seconds.max(1e-9));
        if is_cold {
            if self.seen > 0 && self.cold.is_none() {
                // What is beyond the prediction is latency; the rest was seen before.
                let beyond = (t - self.fixed - n * self.unit.unwrap_or(0.0)).max(0.0);
                self.latency += 0.3 * (beyond - self.latency);
                return;
            }
            self.cold = Some((n, t));
        } else if let Some((n, t)) = self.cold.take() {
            // The first to show the time between landings: what there was held latency as well.
            self.forget(0.0);
            self.seen = 0;
            self.shortest = f64::INFINITY;
            self.add(units, seconds.max(1e-9));
            self.latency = (t - self.fixed - n * self.unit.unwrap_or(0.0)).max(0.0);
            return;
        }
        if let (Some(unit), true) = (self.unit, self.seen > 0) {
            let expected = self.fixed + n * unit;
            let error = (t / expected - 1.0).abs().min(1.0);
            // The second tells the fixed cost from the rest: it is not expected to be what the first makes of it.
            if self.seen > 1 {
                self.error = self.error * ERROR_FADING + error * (1.0 - ERROR_FADING);
                t = self.clip(t, expected);
            }
        }
        self.add(units, t);
    }

    /// The time as it counts, where `expected` was predicted.
    fn clip(&mut self, t: f64, expected: f64) -> f64 {
        let clipped = t.clamp(expected / CLIP, expected * CLIP);
        let direction = if clipped < t { 1 } else { -i8::from(clipped > t) };
        if direction != 0 && direction == self.clipped {
            // Twice in a row is no spike: what was learned before is of another machine.
            self.forget(FORGOTTEN);
            self.clipped = 0;
            return t;
        }
        self.clipped = direction;
        clipped
    }

    fn forget(&mut self, left: f64) {
        self.sums = self.sums.map(|sum| sum * left);
        self.classes = self.classes.map(|class| class.map(|sum| sum * left));
    }

    fn add(&mut self, units: u32, t: f64) {
        let n = f64::from(units.max(1));
        self.seen += 1;
        self.shortest = self.shortest.min(t);
        let class = &mut self.classes[class(units)];
        for (sum, term) in class.iter_mut().zip([n, t, 1.0]) {
            *sum = *sum * FADING + term;
        }
        // By what it should have taken: what it did take is what is uncertain.
        let expected = self.unit.filter(|_| self.seen > 2).map_or(t, |unit| self.fixed + n * unit);
        let weight = 1.0 / (expected * expected);
        for (sum, term) in self.sums.iter_mut().zip([1.0, n, n * n, t, n * t]) {
            *sum = *sum * FADING + weight * term;
        }
        self.solve();
    }

    fn solve(&mut self) {
        let [w, wn, wnn, wt, wnt] = self.sums;
        let determinant = w * wnn - wn * wn;
        // Claims of one size say nothing about the fixed part.
        if determinant > 0.1 * w * wnn {
            self.fixed = (wt * wnn - wnt * wn) / determinant;
            self.is_fixed_known = true;
        }
        self.fixed = self.fixed.clamp(0.0, MOST_FIXED * self.shortest);
        let least = 0.05 * wt / wn;
        self.unit = Some(((wnt - self.fixed * wn) / wnn).max(least));
    }

    /// Units per second in a large claim.
    pub fn rate(&self) -> Option<f64> {
        self.unit.map(f64::recip)
    }

    /// Seconds that a claim costs however small it is.
    pub fn fixed(&self) -> f64 {
        self.fixed
    }

    /// The same, and what it may be as long as it is not told apart from the rest.
    pub fn fixed_at_most(&self) -> f64 {
        if self.is_fixed_known || self.seen == 0 { self.fixed } else { (0.5 * self.shortest).min(USUAL_FIXED) }
    }

    /// Seconds more for a claim that finds nothing in front of it.
    pub fn latency(&self) -> f64 {
        self.latency
    }

    /// How far its claims are from what is predicted, as a part of that.
    pub fn error(&self) -> f64 {
        self.error
    }

    /// Claims that were observed.
    pub fn seen(&self) -> u32 {
        self.seen
    }

    /// The largest size worth having: beyond it, claims were slower for their size than smaller ones, as they are where what
    /// they touch no longer fits a cache.
    pub fn best_size(&self) -> u32 {
        let is_seen = |at: &usize| self.classes[*at][2] >= 2.0;
        let unit = |at: usize| (self.classes[at][1] - self.classes[at][2] * self.fixed).max(0.0) / self.classes[at][0];
        let Some(top) = (0..CLASSES).rev().find(|at| self.classes[*at][2] > 0.0) else { return u32::MAX };
        let best = (0..top).filter(is_seen).min_by(|&a, &b| unit(a).total_cmp(&unit(b)));
        match best {
            Some(best) if is_seen(&top) && unit(top) > CLEARLY_FASTER * unit(best) => {
                u32::try_from(4u64.pow(best as u32 + 1) - 1).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        }
    }

    /// How many seconds a claim of so many units takes behind others.
    pub fn predict(&self, units: u32) -> Option<f64> {
        Some(self.fixed + f64::from(units) * self.unit?)
    }
}
