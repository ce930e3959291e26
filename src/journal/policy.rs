//! When committed units are made durable, and in which order: no I/O, no clock.

use std::{mem, ops::Range, time::Duration};

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, for so long, unless more units land.
    Wait(Duration),
    /// Have members fold their copies of merged bindings in, so that units can be recorded.
    Gather,
    /// Write the data of the [batch](Policy::batch).
    WriteData,
    SyncData,
    /// Write its records.
    WriteRecords,
    SyncRecords,
}

/// Batches of units on their way to the disk. Data is durable before a record says so; all units that landed since the batch
/// before share its two syncs.
#[derive(Debug)]
pub(crate) struct Policy {
    step: Option<Step>,
    landed: Vec<Range<u32>>,
    batch: Vec<Range<u32>>,
    /// Whether units land only when copies are folded in.
    is_merging: bool,
    /// When the batch was begun; when the last one was durable, and how long it took.
    began: Duration,
    ended: Duration,
    took: Duration,
}

/// Between two batches pass so many times what the one before took: what is lost at worst is short, and so is what it costs.
const RATIO: u32 = 20;

/// And so long at least.
const LEAST: Duration = Duration::from_millis(20);

/// How often to look, where nothing is to be done.
const GLANCE: Duration = Duration::from_secs(1);

impl Policy {
    pub fn new(is_merging: bool) -> Policy {
        Policy {
            step: None,
            landed: Vec::new(),
            batch: Vec::new(),
            is_merging,
            began: Duration::ZERO,
            ended: Duration::ZERO,
            took: Duration::ZERO,
        }
    }

    /// The results of these units are where they belong, and nobody writes there any more.
    pub fn landed(&mut self, units: impl IntoIterator<Item = Range<u32>>) {
        self.landed.extend(units);
    }

    /// The units that are on their way to the disk.
    pub fn batch(&self) -> &[Range<u32>] {
        &self.batch
    }

    /// What to do next. `is_last` where nothing more will land: then nothing waits.
    pub fn next(&mut self, now: Duration, is_last: bool) -> Step {
        if let Some(step) = self.step {
            return step;
        }
        let due = self.ended + LEAST.max(RATIO * self.took);
        let early = due.saturating_sub(now);
        match self.landed.is_empty() {
            true if self.is_merging && !is_last && early.is_zero() => Step::Gather,
            true if self.is_merging => Step::Wait(early.max(LEAST)),
            true => Step::Wait(GLANCE),
            false if !early.is_zero() && !is_last => Step::Wait(early),
            false => {
                self.batch = mem::take(&mut self.landed);
                self.began = now;
                self.step = Some(Step::WriteData);
                Step::WriteData
            }
        }
    }

    /// The step that [`next`](Policy::next) gave is done.
    pub fn did(&mut self, now: Duration) {
        self.step = match self.step {
            Some(Step::WriteData) => Some(Step::SyncData),
            Some(Step::SyncData) => Some(Step::WriteRecords),
            Some(Step::WriteRecords) => Some(Step::SyncRecords),
            _ => None,
        };
        if self.step.is_none() {
            self.batch.clear();
            self.ended = now;
            self.took = now.saturating_sub(self.began);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn data_comes_before_records_and_each_is_synced() {
        let mut policy = Policy::new(false);
        assert_eq!(policy.next(500 * MS, false), Step::Wait(GLANCE));
        policy.landed(Some(0..3));
        for (at, step) in
            [(500, Step::WriteData), (501, Step::SyncData), (505, Step::WriteRecords), (506, Step::SyncRecords)]
        {
            assert_eq!(policy.next(at * MS, false), step);
            assert_eq!(policy.batch(), std::slice::from_ref(&(0..3)), "what lands meanwhile is for the next");
            policy.landed(Some(at..at + 1));
            policy.did((at + 1) * MS);
        }
        // It took 7 ms, so that the next may begin 140 ms later.
        assert_eq!(policy.next(507 * MS, false), Step::Wait(140 * MS));
        assert_eq!(policy.next(640 * MS, false), Step::Wait(7 * MS));
        assert_eq!(policy.next(647 * MS, false), Step::WriteData);
        assert_eq!(policy.batch().len(), 4);
    }

    #[test]
    fn at_the_end_nothing_waits() {
        let mut policy = Policy::new(false);
        policy.landed(Some(0..3));
        assert_eq!(policy.next(MS, false), Step::Wait(19 * MS));
        assert_eq!(policy.next(MS, true), Step::WriteData);
    }

    #[test]
    fn copies_are_gathered_when_it_is_time() {
        let mut policy = Policy::new(true);
        assert_eq!(policy.next(5 * MS, false), Step::Wait(LEAST));
        assert_eq!(policy.next(20 * MS, false), Step::Gather);
        assert_eq!(policy.next(20 * MS, true), Step::Wait(LEAST), "nothing will come");
        policy.landed(Some(0..1));
        assert_eq!(policy.next(20 * MS, false), Step::WriteData);
    }
}
