//! When the state of a chain is stored: no I/O, no clock.

use std::time::Duration;

/// How often [`Chain::checkpoint`](crate::Chain::checkpoint) stores what a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointEvery {
    /// After so many of the chain's calls, at least one.
    Calls(usize),
    /// After so much time.
    Time(Duration),
    /// As often as costs least where, on average, something fails once in this time: after the square root of twice this
    /// time multiplied by what storing takes, which is measured (J. W. Young, "A first order approximation to the optimum
    /// checkpoint interval", Communications of the ACM 17, 1974).
    Failure(Duration),
}

impl From<usize> for CheckpointEvery {
    fn from(calls: usize) -> Self {
        CheckpointEvery::Calls(calls)
    }
}

impl From<Duration> for CheckpointEvery {
    fn from(time: Duration) -> Self {
        CheckpointEvery::Time(time)
    }
}

/// Cuts a run into stretches of steps, between which its state may be stored. Times are since any one moment.
#[derive(Debug)]
pub(crate) struct Pacer {
    every: CheckpointEvery,
    /// When the last state was stored, or the run began; and the steps since.
    since: Duration,
    steps: usize,
    /// What a step takes, once one has run, and how many the last stretch had.
    step: Option<Duration>,
    last: usize,
    /// What storing takes: what it took last.
    cost: Duration,
}

/// A stretch has at most so many times the steps of the one before: what steps take is learned on short ones.
const GROWTH: usize = 4;

/// Bytes that a disk stores in a second, and what two syncs take, until it is known what storing takes.
const RATE: u64 = 200_000_000;
const SYNCS: Duration = Duration::from_millis(20);

impl Pacer {
    /// For states of about so many bytes.
    pub fn new(every: CheckpointEvery, bytes: u64, now: Duration) -> Pacer {
        let cost = SYNCS + Duration::from_secs_f64(bytes as f64 / RATE as f64);
        Pacer { every, since: now, steps: 0, step: None, last: 0, cost }
    }

    /// Time between two states, where it is by time.
    fn interval(&self) -> Option<Duration> {
        match self.every {
            CheckpointEvery::Calls(_) => None,
            CheckpointEvery::Time(time) => Some(time),
            CheckpointEvery::Failure(mean) => {
                Some(Duration::from_secs_f64((2.0 * self.cost.as_secs_f64() * mean.as_secs_f64()).sqrt()))
            }
        }
    }

    /// How many steps to run before the state may be due.
    pub fn stretch(&self, now: Duration) -> usize {
        if let CheckpointEvery::Calls(calls) = self.every {
            return calls.saturating_sub(self.steps).max(1);
        }
        let left = self.interval().unwrap_or_default().saturating_sub(now.saturating_sub(self.since));
        let Some(step) = self.step else { return 1 };
        let fit = (left.as_nanos() / step.as_nanos().max(1)).min(usize::MAX as u128) as usize;
        fit.clamp(1, (self.last * GROWTH).max(1))
    }

    /// So many steps ran.
    pub fn ran(&mut self, steps: usize, took: Duration) {
        self.steps += steps;
        if steps > 0 {
            self.step = Some(took / u32::try_from(steps).unwrap_or(u32::MAX));
            self.last = steps;
        }
    }

    /// Whether the state is to be stored now, and not a step later.
    pub fn is_due(&self, now: Duration) -> bool {
        match (self.every, self.interval()) {
            (CheckpointEvery::Calls(calls), _) => self.steps >= calls.max(1),
            (_, Some(interval)) => {
                let half = self.step.unwrap_or_default() / 2;
                self.steps > 0 && now.saturating_sub(self.since) + half >= interval
            }
            _ => false,
        }
    }

    /// The state was stored, which took so long.
    pub fn stored(&mut self, now: Duration, took: Duration) {
        (self.since, self.steps, self.cost) = (now, 0, took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A run of so many steps on a simulated clock: how many states it stored, the share of the time that took, and the
    /// longest time between two, once it was known what storing takes.
    fn run(every: CheckpointEvery, steps: usize, step: Duration, cost: Duration) -> (usize, f64, Duration) {
        let mut now = HOUR;
        let mut pacer = Pacer::new(every, 100_000_000, now);
        let (mut done, mut count, mut last, mut longest) = (0, 0, now, Duration::ZERO);
        while done < steps {
            let stretch = pacer.stretch(now).min(steps - done);
            assert!(stretch > 0);
            let took = step * stretch as u32;
            now += took;
            done += stretch;
            pacer.ran(stretch, took);
            if pacer.is_due(now) {
                if count > 0 {
                    longest = longest.max(now - last);
                }
                now += cost;
                pacer.stored(now, cost);
                (count, last) = (count + 1, now);
            }
        }
        (count, cost.as_secs_f64() * count as f64 / (now - HOUR).as_secs_f64(), longest)
    }

    #[test]
    fn states_are_stored_after_so_many_calls() {
        let (count, _, _) = run(CheckpointEvery::from(7), 700, Duration::from_micros(3), Duration::ZERO);
        assert_eq!(count, 100);
        assert_eq!(run(CheckpointEvery::Calls(0), 5, Duration::from_micros(3), Duration::ZERO).0, 5);
    }

    #[test]
    fn states_are_stored_after_so_much_time() {
        for step in [1, 100, 40_000, 3_000_000].map(Duration::from_micros) {
            let steps = (60_000_000 / step.as_micros()) as usize;
            let (count, _, longest) = run(Duration::from_secs(2).into(), steps, step, Duration::from_millis(50));
            // A minute; a step may be longer than the time.
            let most = step.max(Duration::from_secs(2)) + step;
            assert!(longest <= most, "{longest:?} with steps of {step:?}");
            let wanted = 60.0 / step.as_secs_f64().max(2.0);
            assert!((count as f64) > 0.9 * wanted && (count as f64) < 1.1 * wanted + 1.0, "{count} of {wanted}");
        }
    }

    /// Against every other interval, by what failures and states cost together.
    #[test]
    fn failures_cost_least_at_the_interval_that_is_chosen() {
        for cost in [2, 50, 1000, 6000].map(Duration::from_millis) {
            let (_, share, longest) = run(CheckpointEvery::Failure(HOUR), 10_000_000, Duration::from_millis(3), cost);
            let lost = |interval: f64| cost.as_secs_f64() / interval + interval / 2.0 / HOUR.as_secs_f64();
            let least = (1..100_000).map(|tenth| lost(f64::from(tenth) / 10.0)).fold(f64::MAX, f64::min);
            assert!(lost(longest.as_secs_f64()) < 1.01 * least, "{longest:?} for {cost:?}");
            assert!(share < 0.03, "{share} for {cost:?}");
        }
    }
}
