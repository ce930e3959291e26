//! Sets of units, as disjoint ranges.

use std::{collections::BTreeMap, ops::Range};

/// A set of units. Neighbouring ranges are joined, so that a set is as long as it has gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    /// The end of each range, by its start.
    ranges: BTreeMap<u32, u32>,
    count: u32,
}

impl Units {
    /// All units of a range.
    pub fn all(range: Range<u32>) -> Units {
        let mut units = Units::default();
        units.insert(range);
        units
    }

    /// How many units are in the set.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }

    /// The first units of the set that lie side by side, `most` at most; they are taken out.
    pub fn take(&mut self, most: u32) -> Option<Range<u32>> {
        let (&start, &end) = self.ranges.first_key_value()?;
        let taken = start..end.min(start.saturating_add(most.max(1)));
        self.ranges.remove(&start);
        if taken.end < end {
            self.ranges.insert(taken.end, end);
        }
        self.count -= taken.end - taken.start;
        Some(taken)
    }

    /// Adds a range, none of whose units are in the set yet.
    pub fn insert(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        debug_assert!(self.within(&range).is_empty(), "units {range:?} are in the set already");
        self.count += range.end - range.start;
        let Range { mut start, mut end } = range;
        if let Some((&before, &until)) = self.ranges.range(..=start).next_back()
            && until == start
        {
            self.ranges.remove(&before);
            start = before;
        }
        if let Some(until) = self.ranges.remove(&end) {
            end = until;
        }
        self.ranges.insert(start, end);
    }

    /// Takes a range out, all of whose units are in the set.
    pub fn remove(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        let Some((&start, &end)) = self.ranges.range(..=range.start).next_back() else { return };
        debug_assert!(end >= range.end, "units {range:?} are not all in the set");
        self.ranges.remove(&start);
        if start < range.start {
            self.ranges.insert(start, range.start);
        }
        if range.end < end {
            self.ranges.insert(range.end, end);
        }
        self.count -= range.end - range.start;
    }

    /// The parts of `range` that are in the set.
    pub fn within(&self, range: &Range<u32>) -> Vec<Range<u32>> {
        let before = self.ranges.range(..=range.start).next_back();
        let inside = self.ranges.range(range.start.saturating_add(1)..range.end.max(range.start.saturating_add(1)));
        let all = before.into_iter().chain(inside).map(|(&start, &end)| start.max(range.start)..end.min(range.end));
        all.filter(|part| !part.is_empty()).collect()
    }

    /// The parts of `range` that are not in the set.
    pub fn missing_in(&self, range: &Range<u32>) -> Vec<Range<u32>> {
        let mut gaps = Vec::new();
        let mut at = range.start;
        for part in self.within(range) {
            if at < part.start {
                gaps.push(at..part.start);
            }
            at = part.end;
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        gaps
    }
}
