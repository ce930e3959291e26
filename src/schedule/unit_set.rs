//! Sets of units, as disjoint ranges.

use std::{collections::BTreeMap, ops::Range};

/// How many ranges are looked at for one that is long enough.
const LOOKED_AT: usize = 8;

/// A set of units. Neighbouring ranges are joined, so that a set is as long as it has gaps, and what is done with it takes
/// the logarithm of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitSet {
    /// The end of each range, by its start.
    ranges: BTreeMap<u32, u32>,
    count: u32,
}

impl UnitSet {
    /// All units of a range.
    pub fn all(range: Range<u32>) -> UnitSet {
        let mut units = UnitSet::default();
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

    /// Takes out units that lie side by side: `wanted` of them, or fewer where no range near the front is as long.
    pub fn take(&mut self, wanted: u32) -> Option<Range<u32>> {
        let wanted = wanted.max(1);
        let mut best: Option<Range<u32>> = None;
        for range in self.iter().take(LOOKED_AT) {
            let length = range.end - range.start;
            if length >= wanted {
                best = Some(range);
                break;
            }
            if best.as_ref().is_none_or(|best| length > best.end - best.start) {
                best = Some(range);
            }
        }
        let Range { start, end } = best?;
        let taken = start..end.min(start.saturating_add(wanted));
        self.remove(taken.clone());
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
        if let Some((&before, &until)) = self.ranges.range(..start).next_back()
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
        if range.is_empty() {
            return Vec::new();
        }
        let before = self.ranges.range(..=range.start).next_back();
        let inside = self.ranges.range(range.start + 1..).take_while(|(start, _)| **start < range.end);
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

    /// Takes out whatever of a range is in the set.
    pub fn clear(&mut self, range: &Range<u32>) {
        for part in self.within(range) {
            self.remove(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same, unit by unit.
    fn flags(set: &UnitSet, units: u32) -> Vec<bool> {
        let mut flags = vec![false; units as usize];
        set.iter().flatten().for_each(|unit| flags[unit as usize] = true);
        flags
    }

    #[test]
    fn a_set_is_what_its_units_say() {
        const UNITS: u32 = 40;
        let mut random = crate::schedule::simulate::Dice::new(7);
        let mut roll = |below: u32| (random.unit() * f64::from(below)) as u32;
        let mut set = UnitSet::default();
        let mut expected = vec![false; UNITS as usize];
        for _ in 0..5000 {
            let start = roll(UNITS);
            let range = start..start + roll(UNITS - start + 1);
            match roll(3) {
                0 => {
                    set.missing_in(&range).into_iter().for_each(|gap| set.insert(gap));
                    expected[range.start as usize..range.end as usize].fill(true);
                }
                1 => {
                    set.clear(&range);
                    expected[range.start as usize..range.end as usize].fill(false);
                }
                _ => {
                    let wanted = 1 + roll(6);
                    if let Some(taken) = set.take(wanted) {
                        assert!(!taken.is_empty() && taken.end - taken.start <= wanted);
                        let units = &mut expected[taken.start as usize..taken.end as usize];
                        assert!(units.iter().all(|&is_in| is_in));
                        units.fill(false);
                    } else {
                        assert!(set.is_empty());
                    }
                }
            }
            assert_eq!(flags(&set, UNITS), expected);
            assert_eq!(set.count() as usize, expected.iter().filter(|&&is_in| is_in).count());
            let ranges: Vec<_> = set.iter().collect();
            assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start), "{ranges:?} could be joined");
        }
    }

    #[test]
    fn a_long_enough_range_is_preferred() {
        let mut set = UnitSet::all(0..2);
        set.insert(5..9);
        set.insert(20..30);
        assert_eq!(set.take(4), Some(5..9));
        assert_eq!(set.take(3), Some(20..23));
        assert_eq!(set.take(100), Some(23..30), "none is long enough: the longest");
        assert_eq!(set.take(1), Some(0..1));
        assert_eq!(set.take(1), Some(1..2));
        assert_eq!(set.take(1), None);
    }

    #[test]
    fn the_last_units_there_can_be() {
        let mut set = UnitSet::all(0..u32::MAX);
        assert_eq!(set.take(u32::MAX - 1), Some(0..u32::MAX - 1));
        let (last, most) = (u32::MAX - 1..u32::MAX, 7..u32::MAX);
        assert_eq!(set.within(&(0..u32::MAX)), std::slice::from_ref(&last));
        assert_eq!(set.take(9), Some(last));
        assert_eq!(set.missing_in(&most), [most]);
    }
}
