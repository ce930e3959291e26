//! How large a linear form can be, when its unknowns lie in ranges and other forms of them do too.
//!
//! This is linear programming. What is returned is never taken on trust: the bound is the sum of facts with
//! multipliers that are checked, exactly, to add up to the form (weak duality), so a mistake in the search could only make
//! a bound wider. Rounding to integers happens at the end; between integers a bound may be wider than it has to be.

use super::form::{Range, div_floor, gcd};

/// Unknowns in ranges, and facts about sums of them.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    /// One for each unknown, finite.
    pub ranges: Vec<Range>,
    facts: Vec<Row>,
    /// Unknowns and their coefficients, fact after fact.
    terms: Vec<(usize, i128)>,
}

/// Where the terms of a fact stand, and where their sum lies.
#[derive(Clone, Debug)]
struct Row {
    terms: std::ops::Range<usize>,
    range: Range,
}

/// The largest a form can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greatest {
    /// At most this.
    AtMost(i128),
    /// The facts contradict each other.
    Nothing,
}

/// Exchanges that are made before the search is content with what it has.
const MAX_EXCHANGES: usize = 60;
/// Exchanges for which the sum that is farthest out of its range is chosen.
const GREEDY_EXCHANGES: usize = 30;

impl Problem {
    /// Adds that the sum of these terms lies in `range`.
    pub fn add_fact(&mut self, terms: impl Iterator<Item = (usize, i128)>, range: Range) {
        let start = self.terms.len();
        self.terms.extend(terms);
        self.facts.push(Row { terms: start..self.terms.len(), range });
    }

    /// An upper bound of `sum(goal * unknown)`. Adds the work that the search was: numbers that were looked at.
    pub fn greatest(&self, goal: &[i128], work: &mut u64) -> Greatest {
        *work += (self.ranges.len() + self.terms.len()) as u64;
        let corner = self.corner(goal);
        let Some(mut search) = Search::new(self, goal) else { return Greatest::AtMost(corner) };
        let mut exchanges = 0;
        while exchanges < MAX_EXCHANGES {
            match search.exchange(exchanges < GREEDY_EXCHANGES) {
                Some(Step::Exchanged) => {}
                Some(Step::Done) => break,
                Some(Step::Contradiction) => return Greatest::Nothing,
                // The numbers grew too large.
                None => break,
            }
            exchanges += 1;
            // An exchange changes a row for each unknown that no longer is at an end of its range.
            *work += (self.ranges.len() * (search.rows.len() + 2) + self.terms.len()) as u64;
        }
        // Exchanges only ever lower the bound.
        let bound = if exchanges == 0 { None } else { search.certified(goal) };
        Greatest::AtMost(bound.map_or(corner, |bound| bound.min(corner)))
    }

    /// The bound that the ranges give by themselves.
    fn corner(&self, goal: &[i128]) -> i128 {
        let ends = goal.iter().zip(&self.ranges).map(|(&c, r)| if c >= 0 { (c, r.hi) } else { (c, r.lo) });
        ends.fold(0, |sum: i128, (c, end)| sum.saturating_add(c.saturating_mul(end)))
    }

    fn terms(&self, fact: usize) -> &[(usize, i128)] {
        &self.terms[self.facts[fact].terms.clone()]
    }

    fn range(&self, sum: Sum) -> Range {
        match sum {
            Sum::Unknown(unknown) => self.ranges[unknown],
            Sum::Fact(fact) => self.facts[fact].range,
        }
    }
}

enum Step {
    Exchanged,
    Done,
    Contradiction,
}

/// What has a range: an unknown by itself, or the sum of a fact. Unknowns come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sum {
    Unknown(usize),
    Fact(usize),
}

/// A sum at one end of its range.
#[derive(Clone, Copy)]
struct Side {
    sum: Sum,
    above: bool,
}

impl Side {
    fn end(self, problem: &Problem) -> i128 {
        let range = problem.range(self.sum);
        if self.above { range.hi } else { range.lo }
    }

    /// What makes the sum grow towards the end.
    fn sign(self) -> Ratio {
        Ratio::whole(if self.above { 1 } else { -1 })
    }
}

/// The dual simplex method for unknowns in ranges. It keeps as many sums as there are unknowns at an end of their ranges, the
/// *basis*; the goal is their sum with the weights, each of which pulls towards its end. That makes a point; while
/// another sum is out of its range there, it is exchanged for one of the basis.
///
/// Most unknowns are in the basis themselves, at an end of their own range. Only for the others is there a row of the
/// tableau, and rows of facts are made when they are needed.
struct Search<'a> {
    problem: &'a Problem,
    basis: Vec<Side>,
    weights: Vec<Ratio>,
    /// Where each unknown is in the basis.
    places: Vec<Option<usize>>,
    /// The unknowns that are not in the basis, as sums of it.
    rows: Vec<(usize, Vec<Ratio>)>,
    /// What each unknown is at the point.
    point: Vec<Ratio>,
}

impl<'a> Search<'a> {
    /// Starts at the corner of the ranges where the goal is greatest; nothing if the corner satisfies all facts.
    fn new(problem: &'a Problem, goal: &[i128]) -> Option<Self> {
        if problem.facts.is_empty() {
            return None;
        }
        let basis: Vec<Side> =
            (goal.iter().enumerate()).map(|(unknown, &c)| Side { sum: Sum::Unknown(unknown), above: c >= 0 }).collect();
        let search = Search {
            weights: goal.iter().map(|&c| Ratio::whole(c)).collect(),
            places: (0..goal.len()).map(Some).collect(),
            rows: Vec::new(),
            point: basis.iter().map(|side| Ratio::whole(side.end(problem))).collect(),
            problem,
            basis,
        };
        search.violated(false).is_none_or(|violated| violated.is_some()).then_some(search)
    }

    /// A sum that is out of its range at the point: the one that is farthest out, which leads to the end in a few
    /// exchanges, or the first one, with which the exchanges never go in circles (Bland, "New finite pivoting rules for
    /// the simplex method", 1977). The outer option is for numbers that grow too large.
    fn violated(&self, farthest: bool) -> Option<Option<Side>> {
        let mut found: Option<(Side, f64)> = None;
        let mut look = |sum: Sum, at: Ratio| {
            let range = self.problem.range(sum);
            let (above, end) = match () {
                () if range.hi < Range::FAR && at.compare(range.hi)?.is_gt() => (true, range.hi),
                () if range.lo > -Range::FAR && at.compare(range.lo)?.is_lt() => (false, range.lo),
                () => return Some(()),
            };
            let off = (at.num as f64 / at.den as f64 - end as f64).abs();
            let better = |(side, other): (Side, f64)| if farthest { off > other } else { sum < side.sum };
            if found.is_none_or(better) {
                found = Some((Side { sum, above }, off));
            }
            Some(())
        };
        for &(unknown, _) in &self.rows {
            look(Sum::Unknown(unknown), self.point[unknown])?;
        }
        for (fact, row) in self.problem.facts.iter().enumerate() {
            let mut at = Ratio::whole(0);
            for &(unknown, c) in &self.problem.terms[row.terms.clone()] {
                at = at.plus(self.point[unknown].times(Ratio::whole(c))?)?;
            }
            look(Sum::Fact(fact), at)?;
        }
        Some(found.map(|(side, _)| side))
    }

    /// A sum as a sum of the basis.
    fn row(&self, sum: Sum) -> Option<Vec<Ratio>> {
        let own = |unknown: usize| self.rows.iter().find(|row| row.0 == unknown);
        match sum {
            Sum::Unknown(unknown) => own(unknown).map(|row| row.1.clone()),
            Sum::Fact(fact) => {
                let mut row = vec![Ratio::whole(0); self.basis.len()];
                for &(unknown, c) in self.problem.terms(fact) {
                    let c = Ratio::whole(c);
                    match self.places[unknown] {
                        Some(place) => row[place] = row[place].plus(c)?,
                        None => add(&mut row, c, &own(unknown)?.1)?,
                    }
                }
                Some(row)
            }
        }
    }

    /// One exchange; `None` where numbers grow too large.
    fn exchange(&mut self, greedy: bool) -> Option<Step> {
        let Some(entering) = self.violated(greedy)? else { return Some(Step::Done) };
        let row = self.row(entering.sum)?;
        let mut leaving: Option<(usize, Ratio)> = None;
        for (place, &entry) in row.iter().enumerate().filter(|(_, entry)| entry.num != 0) {
            let side = self.basis[place];
            // Both as seen towards the ends.
            if (entry.num > 0) != (entering.above == side.above) {
                continue;
            }
            let ratio = self.weights[place].absolute().over(entry.absolute())?;
            let better = match leaving {
                None => true,
                Some((other, least)) => {
                    let difference = ratio.minus(least)?;
                    difference.num < 0 || (difference.num == 0 && side.sum < self.basis[other].sum)
                }
            };
            if better {
                leaving = Some((place, ratio));
            }
        }
        let Some((leaving, _)) = leaving else {
            return self.contradicts(entering, &row)?.then_some(Step::Contradiction);
        };
        self.swap(entering, leaving, &row)?;
        Some(Step::Exchanged)
    }

    /// Puts `entering`, whose row that is, in a place of the basis.
    fn swap(&mut self, entering: Side, leaving: usize, row: &[Ratio]) -> Option<()> {
        // What left, as a sum of the basis that is to be: what entered less its other parts, divided.
        let pivot = row[leaving];
        let mut left: Vec<Ratio> = row.iter().map(|entry| entry.negated()?.divided(pivot)).collect::<Option<_>>()?;
        left[leaving] = Ratio::whole(1).divided(pivot)?;
        let replace = |sum: &mut Vec<Ratio>| {
            let by = std::mem::replace(&mut sum[leaving], Ratio::whole(0));
            add(sum, by, &left)
        };
        let mut weights = self.weights.clone();
        replace(&mut weights)?;
        if let Sum::Unknown(unknown) = entering.sum {
            self.rows.retain(|row| row.0 != unknown);
        }
        for (_, row) in self.rows.iter_mut().filter(|row| row.1[leaving].num != 0) {
            replace(row)?;
        }
        if let Sum::Unknown(unknown) = self.basis[leaving].sum {
            self.rows.push((unknown, left));
            self.places[unknown] = None;
        }
        if let Sum::Unknown(unknown) = entering.sum {
            self.places[unknown] = Some(leaving);
            self.point[unknown] = Ratio::whole(entering.end(self.problem));
        }
        self.basis[leaving] = entering;
        self.weights = weights;
        for (unknown, row) in &self.rows {
            let mut at = Ratio::whole(0);
            for (side, &entry) in self.basis.iter().zip(row).filter(|(_, entry)| entry.num != 0) {
                at = at.plus(entry.times(Ratio::whole(side.end(self.problem)))?)?;
            }
            self.point[*unknown] = at;
        }
        Some(())
    }

    /// The bound that the weights prove, if they prove one.
    fn certified(&self, goal: &[i128]) -> Option<i128> {
        let weighted =
            self.basis.iter().zip(&self.weights).map(|(&side, weight)| Some((side, weight.times(side.sign())?)));
        let (sums, bound) = self.sum(weighted)?;
        let adds_up = sums.iter().zip(goal).all(|(sum, &c)| *sum == Ratio::whole(c));
        adds_up.then(|| div_floor(bound.num, bound.den))
    }

    /// Whether `entering`, less its parts in the basis, is a sum of facts that says 0 < 0.
    fn contradicts(&self, entering: Side, row: &[Ratio]) -> Option<bool> {
        let part = |(&side, entry): (&Side, &Ratio)| {
            let entry = if side.above == entering.above { entry.negated()? } else { *entry };
            Some((side, entry))
        };
        let weighted = self.basis.iter().zip(row).map(part).chain([Some((entering, Ratio::whole(1)))]);
        let (sums, bound) = self.sum(weighted)?;
        Some(bound.num < 0 && sums.iter().all(|sum| sum.num == 0))
    }

    /// The sum of sides with weights, and the bound that follows for it; nothing if a weight is negative.
    fn sum(&self, weighted: impl Iterator<Item = Option<(Side, Ratio)>>) -> Option<(Vec<Ratio>, Ratio)> {
        let mut sums = vec![Ratio::whole(0); self.basis.len()];
        let mut bound = Ratio::whole(0);
        for part in weighted {
            let (side, weight) = part?;
            if weight.num < 0 {
                return None;
            }
            if weight.num == 0 {
                continue;
            }
            let weight = weight.times(side.sign())?;
            match side.sum {
                Sum::Unknown(unknown) => sums[unknown] = sums[unknown].plus(weight)?,
                Sum::Fact(fact) => {
                    for &(unknown, c) in self.problem.terms(fact) {
                        sums[unknown] = sums[unknown].plus(weight.times(Ratio::whole(c))?)?;
                    }
                }
            }
            bound = bound.plus(weight.times(Ratio::whole(side.end(self.problem)))?)?;
        }
        Some((sums, bound))
    }
}

/// Adds `factor * row` to a sum.
fn add(sum: &mut [Ratio], factor: Ratio, row: &[Ratio]) -> Option<()> {
    if factor.num == 0 {
        return Some(());
    }
    for (entry, &part) in sum.iter_mut().zip(row).filter(|(_, part)| part.num != 0) {
        *entry = entry.plus(factor.times(part)?)?;
    }
    Some(())
}

/// A fraction in lowest terms; `den` is positive. Operations give nothing where they overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio {
    num: i128,
    den: i128,
}

impl Ratio {
    fn whole(num: i128) -> Self {
        Ratio { num, den: 1 }
    }

    fn reduced(num: i128, den: i128) -> Self {
        if den == 1 {
            return Ratio { num, den };
        }
        let by = gcd(num, den).max(1);
        if by == 1 {
            return Ratio { num, den };
        }
        // Divisions of small numbers are much cheaper.
        let divided = |x: i128| match (i64::try_from(x), i64::try_from(by)) {
            (Ok(x), Ok(by)) => i128::from(x / by),
            _ => x / by,
        };
        Ratio { num: divided(num), den: divided(den) }
    }

    fn plus(self, other: Ratio) -> Option<Ratio> {
        if self.num == 0 {
            return Some(other);
        }
        if self.den == other.den {
            return Some(Ratio::reduced(self.num.checked_add(other.num)?, self.den));
        }
        let num = self.num.checked_mul(other.den)?.checked_add(other.num.checked_mul(self.den)?)?;
        Some(Ratio::reduced(num, self.den.checked_mul(other.den)?))
    }

    fn minus(self, other: Ratio) -> Option<Ratio> {
        self.plus(other.negated()?)
    }

    fn times(self, other: Ratio) -> Option<Ratio> {
        if self.den == 1 && other.den == 1 {
            return Some(Ratio::whole(self.num.checked_mul(other.num)?));
        }
        Some(Ratio::reduced(self.num.checked_mul(other.num)?, self.den.checked_mul(other.den)?))
    }

    /// Divided by `other`, which is positive.
    fn over(self, other: Ratio) -> Option<Ratio> {
        Some(Ratio::reduced(self.num.checked_mul(other.den)?, self.den.checked_mul(other.num)?))
    }

    /// Divided by `other`, which is not zero.
    fn divided(self, other: Ratio) -> Option<Ratio> {
        let quotient = self.over(other.absolute())?;
        if other.num < 0 { quotient.negated() } else { Some(quotient) }
    }

    fn negated(self) -> Option<Ratio> {
        Some(Ratio { num: self.num.checked_neg()?, den: self.den })
    }

    fn absolute(self) -> Ratio {
        Ratio { num: self.num.saturating_abs(), den: self.den }
    }

    fn compare(self, whole: i128) -> Option<std::cmp::Ordering> {
        Some(self.num.cmp(&whole.checked_mul(self.den)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(ranges: &[(i128, i128)], facts: &[(&[i128], i128, i128)]) -> Problem {
        let ranges = ranges.iter().map(|&(lo, hi)| Range { lo, hi }).collect();
        let mut problem = Problem { ranges, ..Problem::default() };
        for &(fact, lo, hi) in facts {
            problem.add_fact(fact.iter().copied().enumerate().filter(|term| term.1 != 0), Range { lo, hi });
        }
        problem
    }

    impl Problem {
        fn bound(&self, goal: &[i128]) -> Greatest {
            self.greatest(goal, &mut 0)
        }
    }

    #[test]
    fn ranges_alone_give_a_corner() {
        assert_eq!(problem(&[(0, 9), (-3, 4)], &[]).bound(&[2, -5]), Greatest::AtMost(33));
    }

    /// `i = 64 w + l` below 1000: what `w` and `l` cannot tell by themselves.
    #[test]
    fn a_guard_on_a_sum_bounds_it() {
        let guarded = problem(&[(0, 15), (0, 63)], &[(&[64, 1], 0, 999)]);
        assert_eq!(guarded.bound(&[64, 1]), Greatest::AtMost(999));
        assert_eq!(guarded.bound(&[128, 2]), Greatest::AtMost(1998));
        assert_eq!(guarded.bound(&[-64, -1]), Greatest::AtMost(0));
        assert_eq!(guarded.bound(&[64, 0]), Greatest::AtMost(960));
    }

    #[test]
    fn contradictions_are_noticed() {
        let impossible = problem(&[(0, 9), (0, 9)], &[(&[1, -1], 3, 5), (&[-1, 1], 2, 100)]);
        assert_eq!(impossible.bound(&[1, 1]), Greatest::Nothing);
    }

    #[test]
    fn numbers_that_overflow_end_the_search() {
        let large = problem(
            &[(0, 1 << 90), (0, 1 << 90)],
            &[(&[(1 << 70) + 1, (1 << 69) + 3], 0, 1 << 95), (&[(1 << 60) + 7, -(1 << 71) + 1], 0, 5)],
        );
        assert!(matches!(large.bound(&[(1 << 50) + 1, 1]), Greatest::AtMost(_)));
    }

    proptest! {
        /// No point that satisfies all facts lies beyond the bound.
        #[test]
        fn bounds_hold_at_every_point(
            ranges in prop::collection::vec((-4i128..5, 0i128..5), 3),
            facts in prop::collection::vec((prop::collection::vec(-4i128..5, 3), -9i128..10, 0i128..9), 0..5),
            goal in prop::collection::vec(-5i128..6, 3),
        ) {
            let ranges: Vec<_> = ranges.iter().map(|&(lo, n)| (lo, lo + n)).collect();
            let facts: Vec<_> = facts.iter().map(|(f, lo, n)| (f.as_slice(), *lo, lo + n)).collect();
            let problem = problem(&ranges, &facts);
            let dot = |a: &[i128], b: &[i128]| a.iter().zip(b).map(|(x, y)| x * y).sum::<i128>();
            let mut greatest = None;
            for x in problem.ranges[0].lo..=problem.ranges[0].hi {
                for y in problem.ranges[1].lo..=problem.ranges[1].hi {
                    for z in problem.ranges[2].lo..=problem.ranges[2].hi {
                        let point = [x, y, z];
                        let holds = |&(f, lo, hi): &(&[i128], i128, i128)| (lo..=hi).contains(&dot(f, &point));
                        if facts.iter().all(holds) {
                            greatest = greatest.max(Some(dot(&goal, &point)));
                        }
                    }
                }
            }
            match (problem.bound(&goal), greatest) {
                (Greatest::AtMost(bound), Some(found)) => prop_assert!(found <= bound, "{found} above {bound}"),
                (Greatest::Nothing, Some(found)) => prop_assert!(false, "{found} where nothing should be"),
                (_, None) => {}
            }
        }
    }
}
