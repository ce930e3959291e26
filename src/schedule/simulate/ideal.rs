//! What no schedule can beat.

use super::law::{Law, Sizes};

/// By how much the sizes differ that are tried where speed depends on the size of a claim.
const RATIO: f64 = 1.05;

impl Law {
    /// The most units that it can have done by `t`, were they always there for it.
    ///
    /// Counted is what nobody can avoid. Before the first result comes a claim's latency, its fixed cost, and the way of one
    /// unit there and one back. Its speed is the one that it has at each moment, at the size of claim that suits it best,
    /// with the fixed costs of as many claims of that size. Data pass its link at the link's speed, and no more claims than
    /// its depth are under way at once. Units are whole.
    fn most_units(&self, t: f64) -> f64 {
        let t = self.dies_at.map_or(t, |dies| dies.min(t));
        let (up, down) = (self.link.up.recip(), self.link.down.recip());
        let (begin, end) = (self.latency + self.fixed + up, t - down);
        if end <= begin {
            return 0.0;
        }
        let computed = self.computed(self.drift.seconds_between(begin, end));
        let on_link = (end - self.latency - self.fixed) / up.max(down);
        // A claim is under way while its units go there, are computed, and come back.
        let best = self.rate * self.best_factor();
        let under_way = f64::from(self.depth) * t / (up + best.recip() + down);
        computed.min(on_link).min(under_way).floor()
    }

    /// The best share of its speed that any size of claim gives.
    fn best_factor(&self) -> f64 {
        match self.sizes {
            Sizes::Alike => 1.0,
            Sizes::Cache { factor, .. } => factor.max(1.0),
            Sizes::Recorded { is_hot: false, .. } => 1.0,
            Sizes::Recorded { times, .. } => times.best_factor(),
        }
    }

    /// Units in so many seconds at full speed, behind the first claim's fixed cost.
    fn computed(&self, seconds: f64) -> f64 {
        // Where it is slow, a claim's fixed cost keeps it from less.
        let fixed = self.fixed * self.drift.least();
        let in_claims_of = |count: f64| {
            let one = fixed + self.seconds(count);
            if one <= seconds + fixed { count * (seconds + fixed) / one } else { 0.0 }
        };
        let memory = f64::from(self.memory);
        match self.sizes {
            Sizes::Alike => in_claims_of((seconds * self.rate * (1.0 - 1e-12)).min(memory)),
            Sizes::Cache { most, factor } => {
                let large = (seconds * self.rate * factor * (1.0 - 1e-12)).min(memory);
                let most = f64::from(most).min(memory).min(seconds * self.rate * (1.0 - 1e-12));
                in_claims_of(most).max(in_claims_of(large))
            }
            Sizes::Recorded { times, .. } => {
                // Beyond the largest size that was measured, all are as fast.
                let last = (times.seconds() * self.rate).min(memory);
                let sizes = std::iter::successors(Some(1.0), |size| Some(size * RATIO)).take_while(|size| *size < last);
                let large = in_claims_of((seconds * self.rate * (1.0 - 1e-12)).min(memory));
                sizes.chain([last]).map(in_claims_of).fold(large, f64::max)
            }
        }
    }
}

/// The shortest time in seconds in which members of these laws can do so many units: nobody waits, nobody is surprised, each
/// pays for a claim once, and nothing is divided unevenly at the end.
///
/// A member that would not have done a unit by then is not counted. Noise has a mean of one, and is left out: a call with few
/// claims may be lucky.
pub fn ideal(units: u32, laws: &[Law]) -> f64 {
    let is_possible = |t: f64| {
        let (mut own, mut shared, mut link) = (0.0, 0.0, 0.0_f64);
        for law in laws {
            let one = law.most_units(t);
            if law.link.is_shared {
                shared += one;
                link = link.max(law.link.up.min(law.link.down) * t);
            } else {
                own += one;
            }
        }
        own + shared.min(link) >= f64::from(units)
    };
    let mut high = 1e-6;
    while !is_possible(high) {
        high *= 2.0;
        if high > 1e12 {
            return f64::INFINITY;
        }
    }
    let mut low = high / 2.0;
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if is_possible(middle) { high = middle } else { low = middle }
    }
    high
}
