//! What a simulated member does, and what the policy is not told.

use super::recorded::Recorded;

/// How a member's speed changes over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drift {
    /// Not at all.
    Steady,
    /// Starts with `factor` of its speed and comes up to all of it over `seconds`: clocks that rise, caches that fill.
    WarmUp {
        /// Time until it is at full speed.
        seconds: f64,
        /// Share of its speed at first.
        factor: f64,
    },
    /// From `at` on it has `factor` of its speed: a throttled processor, a neighbour who takes half of the cores.
    Change {
        /// When, in seconds.
        at: f64,
        /// Share of its speed from then on.
        factor: f64,
    },
    /// Does nothing for `seconds` from `at` on.
    Stall {
        /// When, in seconds.
        at: f64,
        /// For how long.
        seconds: f64,
    },
    /// Its speed swings between `1 - depth` and `1`.
    Swing {
        /// Seconds of one swing.
        period: f64,
        /// By how much it falls.
        depth: f64,
    },
}

impl Drift {
    /// Share of its speed at a time.
    pub fn factor(&self, t: f64) -> f64 {
        match *self {
            Drift::Steady => 1.0,
            Drift::WarmUp { seconds, factor } => (factor + (1.0 - factor) * t / seconds).min(1.0),
            Drift::Change { at, factor } => {
                if t < at {
                    1.0
                } else {
                    factor
                }
            }
            Drift::Stall { at, seconds } => {
                if (at..at + seconds).contains(&t) {
                    0.0
                } else {
                    1.0
                }
            }
            Drift::Swing { period, depth } => 1.0 - depth * 0.5 * (1.0 - (t / period * std::f64::consts::TAU).cos()),
        }
    }

    /// The least share of its speed that it ever has, and more than none unless it stalls.
    pub fn least(&self) -> f64 {
        match *self {
            Drift::Steady => 1.0,
            Drift::WarmUp { factor, .. } | Drift::Change { factor, .. } => factor.min(1.0),
            Drift::Stall { .. } => 0.0,
            Drift::Swing { depth, .. } => 1.0 - depth,
        }
    }

    /// The seconds at full speed that there are until `t`: the integral of [`factor`](Drift::factor).
    fn seconds_until(&self, t: f64) -> f64 {
        match *self {
            Drift::Steady => t,
            Drift::WarmUp { seconds, factor } => {
                let rising = t.min(seconds);
                factor * rising + (1.0 - factor) * rising * rising / (2.0 * seconds) + (t - rising)
            }
            Drift::Change { at, factor } => t.min(at) + factor * (t - at).max(0.0),
            Drift::Stall { at, seconds } => t - (t - at).clamp(0.0, seconds),
            Drift::Swing { period, depth } => {
                let turn = std::f64::consts::TAU / period;
                t * (1.0 - 0.5 * depth) + 0.5 * depth * (t * turn).sin() / turn
            }
        }
    }

    /// The seconds at full speed that there are between two times.
    pub fn seconds_between(&self, from: f64, to: f64) -> f64 {
        self.seconds_until(to) - self.seconds_until(from)
    }

    /// When so many seconds at full speed are over that begin at `from`.
    pub fn end_of(&self, from: f64, seconds: f64) -> f64 {
        let latest = match *self {
            Drift::Steady => return from + seconds,
            Drift::Stall { seconds: stalled, .. } => from + seconds + stalled,
            _ => from + seconds / self.least(),
        };
        let (mut low, mut high) = (from, latest);
        // Until neighbouring numbers are left, or nearly.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.seconds_between(from, middle) < seconds { low = middle } else { high = middle }
        }
        high
    }
}

/// How a member's speed depends on the size of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sizes {
    /// Not at all.
    Alike,
    /// Claims of more units than `most` have `factor` of the speed: what they touch does not fit a cache.
    Cache {
        /// The most units that fit.
        most: u32,
        /// Share of its speed beyond.
        factor: f64,
    },
    /// As it was measured, in seconds: the member's rate is that of the largest size.
    ///
    /// The measured runs found their data in caches, where it was small, since they ran again and again over the same. Claims
    /// of a call come by each unit once. So no size is faster than the largest, unless it `is_hot`.
    Recorded {
        /// The measurements.
        times: &'static Recorded,
        /// Whether small claims are as fast as measured, caches and all.
        is_hot: bool,
    },
}

impl Sizes {
    /// Share of its speed in a claim that takes so many seconds at full speed.
    fn factor(&self, seconds: f64, count: f64) -> f64 {
        match *self {
            Sizes::Alike => 1.0,
            Sizes::Cache { most, factor } => {
                if count <= f64::from(most) {
                    1.0
                } else {
                    factor
                }
            }
            Sizes::Recorded { times, is_hot } => {
                let factor = times.factor(seconds);
                if is_hot { factor } else { factor.min(1.0) }
            }
        }
    }
}

/// What lies between the host and a member. Both ways are open at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Units per second to the member; infinite in the host's memory.
    pub up: f64,
    /// Units per second back.
    pub down: f64,
    /// Whether it is the one that all such members share. Then all of them have the same speeds.
    pub is_shared: bool,
}

impl Link {
    /// None: the member works in the host's memory.
    pub const NONE: Link = Link { up: f64::INFINITY, down: f64::INFINITY, is_shared: false };
}

/// What a simulated member does.
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    /// Units per second, at its best.
    pub rate: f64,
    /// How that depends on the size of a claim.
    pub sizes: Sizes,
    /// How it changes.
    pub drift: Drift,
    /// Each claim takes between `1 - noise` and `1 + noise` of its time.
    pub noise: f64,
    /// Seconds that a claim costs however small it is. They pass in front of its computation, in line with other claims'.
    pub fixed: f64,
    /// Seconds that a claim is on its way however small it is, while others compute.
    pub latency: f64,
    /// How data comes and goes.
    pub link: Link,
    /// Claims in flight.
    pub depth: u32,
    /// The most units in a claim: larger ones fail.
    pub memory: u32,
    /// Whether it works in place.
    pub in_place: bool,
    /// The share of claims that fail, for no reason.
    pub failures: f64,
    /// When it vanishes, in seconds.
    pub dies_at: Option<f64>,
}

impl Default for Law {
    fn default() -> Self {
        Law {
            rate: 1000.0,
            sizes: Sizes::Alike,
            drift: Drift::Steady,
            noise: 0.0,
            fixed: 0.0,
            latency: 0.0,
            link: Link::NONE,
            depth: 1,
            memory: u32::MAX,
            in_place: false,
            failures: 0.0,
            dies_at: None,
        }
    }
}

impl Law {
    /// Seconds for so many units in one claim, with all of its speed and without what a claim costs.
    pub fn seconds(&self, count: f64) -> f64 {
        let seconds = count / self.rate;
        seconds / self.sizes.factor(seconds, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integral against a sum of small steps, and its inverse.
    #[test]
    fn drifts_are_integrated() {
        for drift in [
            Drift::Steady,
            Drift::WarmUp { seconds: 2.0, factor: 0.3 },
            Drift::Change { at: 1.5, factor: 0.1 },
            Drift::Stall { at: 1.0, seconds: 1.25 },
            Drift::Swing { period: 0.7, depth: 0.4 },
        ] {
            const STEPS: u32 = 100_000;
            let (from, to) = (0.4, 3.4);
            let step = (to - from) / f64::from(STEPS);
            let sum: f64 = (0..STEPS).map(|at| drift.factor(from + (f64::from(at) + 0.5) * step) * step).sum();
            let between = drift.seconds_between(from, to);
            assert!((sum - between).abs() < 1e-4, "{drift:?}: {sum}, {between}");
            assert!((drift.end_of(from, between) - to).abs() < 1e-9, "{drift:?}");
        }
    }
}
