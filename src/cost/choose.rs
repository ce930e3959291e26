//! The choice of a device, and trials of what is uncertain.

use super::{
    Basis, Prediction,
    model::{DeviceId, Model, Task},
};

/// The share of all time that trials of devices may cost.
const MOST_REGRET: f64 = 0.04;

/// What a trial may gain in all the calls that are expected to follow, over what it may cost.
const WORTH: f64 = 1.0;

/// Several devices share a call where that is predicted to take so much of what the best takes alone: it has to pay clearly.
pub(crate) const PAYS: f64 = 0.8;

/// What trials have cost so far, and what was spent altogether, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    spent: f64,
    regret: f64,
}

/// A device that can run a call.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub device: DeviceId,
    /// The call as it is there: constants that it leaves open may differ from device to device.
    pub task: Task,
    /// Seconds of compilation that are ahead there, as far as they count.
    pub compile: f64,
}

/// Where a call is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The place of the device among the candidates.
    pub chosen: usize,
    /// For each candidate.
    pub predictions: Vec<Prediction>,
    /// Whether it is tried out, though another is predicted to be faster: then the seconds of that one.
    pub instead_of: Option<f64>,
}

/// What one may gain, and what one may lose, with a device of which `seconds` are predicted with some doubt, beside one that
/// takes `best`: the expected values of how much less and how much more it takes, as of a time whose logarithm is distributed
/// normally.
fn chances(seconds: f64, doubt: f64, best: f64) -> (f64, f64) {
    let mean = seconds * (0.5 * doubt * doubt).exp();
    let away = (best / seconds).ln() / doubt;
    let gain = (best * normal(away) - mean * normal(away - doubt)).max(0.0);
    (gain, (gain + mean - best).max(0.0))
}

/// The distribution function of the normal distribution, to about a hundredth.
fn normal(x: f64) -> f64 {
    1.0 / (1.0 + (-1.702 * x).exp())
}

impl Model {
    /// Chooses where a call runs; nothing where it is not known what one of the devices can do, for then they cannot be
    /// compared. Only where one `may_try` is a device taken that is not predicted to be the best.
    pub fn choose(&self, candidates: &[Candidate], may_try: bool) -> Option<Choice> {
        let predict = |candidate: &Candidate| self.predict(candidate.device, &candidate.task);
        let predictions: Vec<Prediction> = candidates.iter().map(predict).collect::<Option<_>>()?;
        let cost = |at: usize| predictions[at].seconds + candidates[at].compile;
        let best = (0..candidates.len()).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
        let allowance = MOST_REGRET * self.budget.spent - self.budget.regret;
        // Who ran so often is taken to run as often again.
        let runs =
            predictions.iter().filter(|each| each.basis == Basis::Runs).map(|each| each.observations).sum::<u64>();
        let follow = (1 + runs) as f64;
        let trial = (0..candidates.len())
            .filter(|&at| may_try && at != best)
            .map(|at| {
                (at, chances(candidates[at].compile + predictions[at].seconds, predictions[at].doubt, cost(best)))
            })
            .filter(|(_, (gain, loss))| gain * follow > WORTH * loss && *loss <= allowance)
            .max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0))
            .map(|(at, _)| at);
        Some(Choice { chosen: trial.unwrap_or(best), instead_of: trial.map(|_| cost(best)), predictions })
    }

    /// A call whose device was chosen took so many seconds, where another was predicted to take `instead_of`, if it was.
    pub fn account(&mut self, seconds: f64, instead_of: Option<f64>) {
        if !(seconds.is_finite() && seconds >= 0.0) {
            return;
        }
        self.budget.spent += seconds;
        self.budget.regret += instead_of.map_or(0.0, |other| (seconds - other).max(0.0));
    }
}
