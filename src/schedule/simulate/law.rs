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

    /// The least share of its speed that it ever has.
    pub fn least(&self) -> f64 {
        match *self {
            Drift::Steady => 1.0,
            Drift::WarmUp { factor, .. } | Drift::Change { factor, .. } => factor.min(1.0),
            Drift::Stall { .. } => 0.0,
            Drift::Swing { depth, .. } => 1.0 - depth,
        }
    }

    /// Until when its speed may be taken for what it is in the middle between `t` and then: the next step, or a part of what
    /// is smooth.
    fn until(&self, t: f64) -> f64 {
        match *self {
            Drift::WarmUp { seconds, .. } if t < seconds => (t + seconds / 128.0).min(seconds.max(t + 1e-9)),
            Drift::Swing { period, .. } => t + period / 128.0,
            Drift::Change { at, .. } if t < at => at,
            Drift::Stall { at, .. } if t < at => at,
            Drift::Stall { at, seconds } if t < at + seconds => at + seconds,
            _ => f64::INFINITY,
        }
    }

    /// The steps from `t` on in which its speed is one number: until when, and the share.
    fn steps(self, mut t: f64) -> impl Iterator<Item = (f64, f64, f64)> {
        std::iter::from_fn(move || {
            let (from, until) = (t, self.until(t));
            t = until;
            let middle = if until.is_finite() { 0.5 * (from + until) } else { from };
            (from.is_finite()).then(|| (from, until, self.factor(middle)))
        })
    }

    /// The seconds at full speed that there are between two times.
    pub fn seconds_between(self, from: f64, to: f64) -> f64 {
        let steps = self.steps(from).take_while(|(from, _, _)| *from < to);
        steps.map(|(from, until, factor)| factor * (until.min(to) - from)).sum()
    }

    /// When so many seconds at full speed are over that begin at `from`.
    pub fn end_of(self, from: f64, mut seconds: f64) -> f64 {
        for (from, until, factor) in self.steps(from) {
            let possible = if factor > 0.0 { factor * (until - from) } else { 0.0 };
            if possible >= seconds {
                return if seconds > 0.0 { from + seconds / factor } else { from };
            }
            seconds -= possible;
        }
        f64::INFINITY
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
    /// As it was measured, where all units of the call are the largest size that was.
    Recorded {
        /// The measurements.
        times: &'static Recorded,
        /// Units of the call.
        units: u32,
    },
}

impl Sizes {
    /// Share of its speed in a claim of so many units.
    pub fn factor(&self, count: f64) -> f64 {
        match *self {
            Sizes::Alike => 1.0,
            Sizes::Cache { most, factor } => {
                if count <= f64::from(most) {
                    1.0
                } else {
                    factor
                }
            }
            Sizes::Recorded { times, units } => times.factor(count / f64::from(units)),
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
