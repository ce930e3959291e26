//! How fast a member is, from what it did.

use std::time::Duration;

/// How much less an observation counts with each one that follows it.
const FADING: f64 = 0.85;

/// The same for how far claims are from what is predicted.
const ERROR_FADING: f64 = 0.85;

/// How many times longer or shorter than predicted a claim may be before it counts as no more than that, once. The same
/// again is believed.
const CLIP: f64 = 2.5;

/// How many times larger than the one before it a claim may be where one is on its way while the other is computed.
const ALIKE: u32 = 2;

/// By how much longer the shortest way is taken to be with each claim that follows it.
const WAY_FADING: f64 = 1.05;

/// What is left of earlier observations once they are of another machine.
const FORGOTTEN: f64 = 0.05;

/// How far claims are from what is predicted before any was, as a part of that.
const FIRST_ERROR: f64 = 0.15;

/// The share of the shortest claim that may have been its fixed cost.
const MOST_FIXED: f64 = 0.9;

/// Seconds that a claim costs at most however small it is, as long as nothing is known: to launch something takes no more.
pub(super) const USUAL_FIXED: f64 = 2e-3;

/// Classes of claims by size: the powers of four.
const CLASSES: usize = 16;

/// How many times faster claims of one size must be than those of another, for their size, to be clearly so.
const CLEARLY: f64 = 1.05;

/// The part of a claim that its fixed cost may be where a smaller size is tried.
const TRIED_OVERHEAD: f64 = 0.5;

/// How much larger a claim is tried to see whether it is faster still.
const LARGER: f64 = 4.0;

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
    /// The most units of a claim, and those of the last one.
    largest: u32,
    last: u32,
    /// Units, seconds and claims by size; fading.
    classes: [[f64; 3]; CLASSES],
    /// Seconds for each unit of a claim from when it is made until it lands, as far as others in front of it are not to blame.
    way: f64,
    /// Whether claims were seen to pass in line, one on its way while another is computed.
    is_deep: bool,
    /// Whether the last claim was clipped, and in which direction.
    clipped: i8,
    /// Seconds a claim costs however small it is, and seconds for each unit.
    fixed: f64,
    fixed_at_most: f64,
    unit: Option<f64>,
    /// Seconds more for a claim that finds nothing in front of it.
    latency: f64,
    /// Whether the fixed cost is told apart from the rest.
    is_fixed_known: bool,
    /// How far claims are from what is predicted, as a part of that; fading.
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
            largest: 0,
            last: 0,
            classes: [[0.0; 3]; CLASSES],
            way: f64::INFINITY,
            is_deep: false,
            clipped: 0,
            fixed: fixed.map_or(0.0, |fixed| fixed.as_secs_f64()),
            fixed_at_most: fixed.map_or(0.0, |fixed| fixed.as_secs_f64()),
            unit: rate.filter(|rate| *rate > 0.0 && rate.is_finite()).map(f64::recip),
            latency: 0.0,
            is_fixed_known: fixed.is_some(),
            error: FIRST_ERROR,
        }
    }

    /// A claim of so many units took so many seconds. It `is_cold` if it found nothing in front of it, where there often
    /// is something, and `is_queued` if it found something.
    pub fn observe(&mut self, units: u32, seconds: f64, is_cold: bool, is_queued: bool) {
        let (n, mut t) = (f64::from(units.max(1)), seconds.max(1e-9));
        let last = std::mem::replace(&mut self.last, units);
        self.is_deep |= is_queued;
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
        } else if is_queued && (units > last.saturating_mul(ALIKE) || last > units.saturating_mul(ALIKE)) {
            // What passes between their landings is neither's time: one is on its way while the other is computed.
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
        self.largest = self.largest.max(units);
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
            let fixed = (wt * wnn - wnt * wn) / determinant;
            // Less its standard error: what is not told apart from the rest belongs to the units.
            let error = self.error * (wnn / determinant).sqrt();
            (self.fixed, self.fixed_at_most) = (fixed - error, fixed + error);
            self.is_fixed_known = true;
        } else if !self.is_fixed_known {
            self.fixed_at_most = (0.5 * self.shortest).min(USUAL_FIXED);
        }
        self.fixed = self.fixed.clamp(0.0, MOST_FIXED * self.shortest);
        let least = 0.05 * wt / wn;
        self.unit = Some(((wnt - self.fixed * wn) / wnn).max(least));
    }

    /// Units per second in a large claim.
    pub fn rate(&self) -> Option<f64> {
        self.unit.map(f64::recip)
    }

    /// The same, where a good part of the time is taken for fixed as long as nothing tells: more than it may turn out to be.
    pub fn hoped_rate(&self) -> Option<f64> {
        let rate = self.rate()?;
        if self.is_fixed_known || self.seen == 0 {
            return Some(rate);
        }
        Some(rate * self.shortest / (self.shortest - self.hoped_fixed()))
    }

    fn hoped_fixed(&self) -> f64 {
        if self.is_fixed_known || self.seen == 0 { self.fixed } else { self.fixed_at_most() }
    }

    /// Seconds that a claim costs however small it is.
    pub fn fixed(&self) -> f64 {
        self.fixed
    }

    /// The same, at the most that it may be.
    pub fn fixed_at_most(&self) -> f64 {
        self.fixed_at_most.min(MOST_FIXED * self.shortest).max(self.fixed)
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

    /// The most units of a claim that was observed.
    pub fn largest(&self) -> u32 {
        self.largest
    }

    /// The size of claim to make where `base` would do as well as any, `most` could be tried, and `limit` must not be exceeded:
    /// the size that claims were clearly faster with, for each unit and all costs counted, or one that may be and was seldom
    /// tried.
    ///
    /// Sizes are told apart by powers of four. Smaller ones are tried as long as that costs no more than `budget` seconds, larger
    /// ones where the largest were clearly faster than the ones before.
    pub fn preferred(&self, base: f64, most: f64, limit: f64, budget: f64) -> f64 {
        let here = class(base as u32);
        let seen = |at: &usize| self.classes[*at][2] > 0.1;
        if !seen(&here) {
            return base;
        }
        let unit = |at: usize| self.classes[at][1] / self.classes[at][0];
        let doubt = |at: usize| (self.error / self.classes[at][2].sqrt()).min(0.9);
        let least = |at: usize| unit(at) * (1.0 - doubt(at));
        let (first, last) = ((0..=here).find(seen).unwrap_or(here), (here..CLASSES).rev().find(seen).unwrap_or(here));
        let smaller = 2.0 * 4.0_f64.powi(first as i32 - 1);
        if first > 0 && self.fixed_at_most() < budget.min(TRIED_OVERHEAD * smaller * unit(first)) {
            return smaller;
        }
        let larger = LARGER * f64::from(self.largest);
        let before = (0..last).rev().find(seen);
        let is_rising = before.is_some_and(|at| unit(last) * (1.0 + doubt(last)) < least(at) / CLEARLY);
        if larger <= limit && !self.is_deep && (is_rising || larger <= most) {
            return larger;
        }
        let favour = |at: usize| if at == here { least(at) / CLEARLY } else { least(at) };
        let sizes = (0..=last).filter(seen).filter(|&at| at <= here || self.average(at) <= limit);
        let best = sizes.min_by(|&a, &b| favour(a).total_cmp(&favour(b))).unwrap_or(here);
        if best == here { base } else { self.average(best) }
    }

    fn average(&self, class: usize) -> f64 {
        self.classes[class][0] / self.classes[class][2]
    }

    /// A claim landed so many seconds after it was made, of which it may have waited for others.
    pub fn saw_way(&mut self, units: u32, seconds: f64) {
        self.way = (WAY_FADING * self.way).min(seconds / f64::from(units.max(1)));
    }

    /// Seconds for each unit from when a claim is made until it lands, where nothing is in front of it.
    pub fn way(&self) -> f64 {
        if self.is_deep { self.way } else { 0.0 }
    }

    /// How many seconds a claim of so many units takes behind others.
    pub fn predict(&self, units: u32) -> Option<f64> {
        Some(self.hoped_fixed() + f64::from(units) / self.hoped_rate()?)
    }
}
