//! Many drawn calls, and what came of them.

use std::time::Duration;

use super::{Dice, Setting, Simulation};
use crate::schedule::Policy;

/// Shares of what would be ideal, one for each call.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares(Vec<f64>);

impl Shares {
    fn new(mut shares: Vec<f64>) -> Shares {
        shares.sort_unstable_by(f64::total_cmp);
        Shares(shares)
    }

    /// The share that so many of a hundred calls stay below.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    pub fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    /// The share that half of the calls stay below.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// How many calls stay below a share.
    pub fn below(&self, share: f64) -> usize {
        self.0.partition_point(|one| *one < share)
    }

    /// The least share of all.
    pub fn least(&self) -> f64 {
        self.0[0]
    }
}

/// What came of drawn calls.
#[derive(Clone, Debug)]
pub struct Study {
    /// The ideal time over the time that each took.
    pub efficiency: Shares,
    /// The time of the best member alone over the time that each took.
    pub beside_best: Shares,
    /// The ideal time over the time that a split takes which is fixed at the start.
    pub fixed_split: Shares,
}

impl Study {
    /// Runs `count` calls that are drawn with `draw`; `change` says what is different from members of whose speed nothing is
    /// known.
    pub fn of(
        seed: u64,
        count: u32,
        draw: impl Fn(&mut Dice) -> Setting,
        change: impl Fn(&mut Simulation<'_>, &mut Dice),
    ) -> Study {
        let mut dice = Dice::new(seed);
        let (mut efficiency, mut beside_best, mut fixed_split) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let setting = draw(&mut dice);
            let seed = (dice.unit() * 1e15) as u64;
            let mut simulation = Simulation::new(setting.units, &setting.laws, seed);
            change(&mut simulation, &mut dice);
            let seconds = simulation.run().seconds;
            efficiency.push(setting.ideal / seconds);
            beside_best.push(setting.best_alone / seconds);
            fixed_split.push(setting.ideal / simulation.fixed_split());
        }
        Study {
            efficiency: Shares::new(efficiency),
            beside_best: Shares::new(beside_best),
            fixed_split: Shares::new(fixed_split),
        }
    }
}

/// What the policy could gain at most from better numbers: for each call, the best of many policies, chosen afterwards, where
/// rates and fixed costs are known exactly. No policy can know which it will be.
pub fn in_hindsight(simulation: &mut Simulation<'_>, _: &mut Dice) {
    for (spec, law) in simulation.specs.iter_mut().zip(simulation.laws) {
        spec.rate = Some(law.rate.min(law.link.up).min(law.link.down));
        spec.fixed = Some(Duration::from_secs_f64(law.fixed));
    }
    let usual = simulation.policy;
    let mut best = (f64::INFINITY, usual);
    for caution in [0.25, 0.6, 1.2, 1.75, 3.0] {
        for longest in [0.003, 0.01, 0.03, 0.1, 1.0] {
            for left in [0.0, 0.3, 0.8] {
                simulation.policy = Policy { caution, longest, left, ..usual };
                let seconds = simulation.run().seconds;
                if seconds < best.0 {
                    best = (seconds, simulation.policy);
                }
            }
        }
    }
    simulation.policy = best.1;
}

/// Tells the ledger what is known of the members from earlier runs: their rates, up to twice too high or too low, and what a
/// claim costs.
pub fn known_roughly(simulation: &mut Simulation<'_>, dice: &mut Dice) {
    for (spec, law) in simulation.specs.iter_mut().zip(simulation.laws) {
        spec.rate = Some(law.rate * dice.log_between(0.5, 2.0));
        spec.fixed = Some(Duration::from_secs_f64(law.fixed));
    }
}

/// Has the slowest member work in place, as the CPU engine does: nobody can take its units over.
pub fn in_place(simulation: &mut Simulation<'_>, _: &mut Dice) {
    let slowest = simulation.specs.iter_mut().zip(simulation.laws).min_by(|a, b| a.1.rate.total_cmp(&b.1.rate));
    if let Some((spec, _)) = slowest {
        spec.in_place = true;
    }
}
