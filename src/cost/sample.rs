//! Which runs of a call are noted: noting one costs as much as a short call takes.

/// Runs of a call of which each is noted.
pub(crate) const OFTEN: u32 = 16;

/// Later one run in so many is noted.
const SAMPLED: u32 = 128;

/// How far from the prediction a run that is as predicted may be, as a factor.
const AS_PREDICTED: f64 = 1.3;

/// So many runs in a row that are far from the prediction, on one side, are noted together: fewer are spikes.
const IN_A_ROW: usize = 3;

/// Runs that pass before others that are far from the prediction are noted: the first time, and at most.
const FIRST_PAUSE: u32 = 4;
const MOST_PAUSE: u32 = 256;

/// Picks the runs of a call that tell something: the first ones, some of those that are as predicted, and those that tell of
/// another machine; the latter ever more seldom where times are all over the place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampler {
    runs: u32,
    /// Seconds of the last runs that were far from the prediction, all on one side of it.
    apart: Vec<f64>,
    are_slow: bool,
    /// Until so many runs none of those is noted, and how long the next pause is.
    until: u32,
    pause: u32,
}

impl Sampler {
    /// How many runs there were.
    pub fn runs(&self) -> u32 {
        self.runs
    }

    /// Counts a run, of which `expected` seconds were predicted; gives the seconds of the runs that are to be noted now.
    pub fn count(&mut self, seconds: f64, expected: Option<f64>) -> Vec<f64> {
        self.runs = self.runs.saturating_add(1);
        let is_far = |expected: f64| seconds >= expected * AS_PREDICTED || seconds <= expected / AS_PREDICTED;
        if self.runs > OFTEN
            && let Some(expected) = expected.filter(|expected| is_far(*expected))
        {
            return self.add(seconds, seconds > expected);
        }
        self.apart.clear();
        if self.runs > OFTEN && !self.runs.is_multiple_of(SAMPLED) {
            return Vec::new();
        }
        self.pause = 0;
        vec![seconds]
    }

    /// Takes in a run that is far from the prediction; gives those in a row if they are to be noted.
    fn add(&mut self, seconds: f64, is_slow: bool) -> Vec<f64> {
        let has_turned = std::mem::replace(&mut self.are_slow, is_slow) != is_slow;
        if has_turned || self.runs < self.until {
            self.apart.clear();
        }
        self.apart.push(seconds);
        if self.apart.len() < IN_A_ROW {
            return Vec::new();
        }
        self.pause = (2 * self.pause).clamp(FIRST_PAUSE, MOST_PAUSE);
        self.until = self.runs.saturating_add(self.pause);
        std::mem::take(&mut self.apart)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sampler that has seen so many runs as predicted, of one second each.
    fn after(runs: u32) -> Sampler {
        let mut sampler = Sampler::default();
        (0..runs).for_each(|_| drop(sampler.count(1.0, Some(1.0))));
        sampler
    }

    #[test]
    fn the_first_runs_are_noted_and_then_few() {
        let mut sampler = Sampler::default();
        let noted: Vec<u32> = (1..=1000).filter(|_| !sampler.count(1.1, Some(1.0)).is_empty()).collect();
        assert_eq!(noted[..16], (1..=16).collect::<Vec<_>>());
        assert_eq!(noted[16..20], [128, 256, 384, 512]);
        assert_eq!(noted.len(), 16 + 1000 / 128);
        assert_eq!(sampler.runs(), 1000);
        assert_eq!(Sampler::default().count(5.0, None), [5.0], "nothing was predicted");
    }

    #[test]
    fn a_spike_is_not_noted_and_another_machine_is() {
        for other in [3.0, 0.3] {
            let mut sampler = after(100);
            assert!(sampler.count(other, Some(1.0)).is_empty());
            assert!(sampler.count(1.0, Some(1.0)).is_empty());
            assert!(sampler.count(other, Some(1.0)).is_empty());
            assert!(sampler.count(other, Some(1.0)).is_empty());
            assert_eq!(sampler.count(other, Some(1.0)), [other; 3]);
        }
        let mut sampler = after(100);
        let turns = [3.0, 0.3].into_iter().cycle().take(100);
        let noted = turns.map(|seconds| sampler.count(seconds, Some(1.0)).len()).sum::<usize>();
        assert_eq!(noted, 0, "now slow, now fast is no other machine");
    }

    #[test]
    fn times_that_are_never_as_predicted_are_noted_ever_more_seldom() {
        let mut sampler = after(100);
        let noted: Vec<u32> = (1..=2000).filter(|_| !sampler.count(2.0, Some(1.0)).is_empty()).collect();
        assert!(noted[0] == 3 && noted[1] <= 12, "{noted:?}");
        assert!(noted.len() <= 7 + 2000 / 256, "{noted:?}");
        // Once it is calm, another machine is seen at once again.
        (0..128).for_each(|_| drop(sampler.count(1.0, Some(1.0))));
        let again = (1..=10).find(|_| !sampler.count(2.0, Some(1.0)).is_empty());
        assert!(again.is_some_and(|runs| runs <= 10), "{again:?}");
    }
}
