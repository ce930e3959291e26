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
    /// Coefficients of the unknowns, and where their sum lies.
    pub facts: Vec<(Vec<i128>, Range)>,
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

impl Problem {
    /// An upper bound of `sum(goal * unknown)`.
    pub fn greatest(&self, goal: &[i128]) -> Greatest {
        let mut best = self.corner(goal);
        if self.facts.is_empty() {
            return Greatest::AtMost(best);
        }
        let Some(mut search) = Search::new(self, goal) else { return Greatest::AtMost(best) };
        for _ in 0..MAX_EXCHANGES {
            match search.exchange() {
                Some(Step::Exchanged) => {}
                Some(Step::Done) => break,
                Some(Step::Contradiction) => return Greatest::Nothing,
                // The numbers grew too large.
                None => break,
            }
            if let Some(bound) = search.certified(goal) {
                best = best.min(bound);
            }
        }
        Greatest::AtMost(best)
    }

    /// The bound that the ranges give by themselves.
    fn corner(&self, goal: &[i128]) -> i128 {
        let ends = goal.iter().zip(&self.ranges).map(|(&c, r)| if c >= 0 { (c, r.hi) } else { (c, r.lo) });
        ends.fold(0, |sum: i128, (c, end)| sum.saturating_add(c.saturating_mul(end)))
    }

    fn columns(&self) -> usize {
        self.ranges.len() + self.facts.len()
    }

    /// The coefficient of unknown `row` in fact `column`: first come the ranges, then the facts.
    fn coefficient(&self, row: usize, column: usize) -> i128 {
        match column.checked_sub(self.ranges.len()) {
            None => i128::from(row == column),
            Some(fact) => self.facts[fact].0[row],
        }
    }

    fn range(&self, column: usize) -> Range {
        match column.checked_sub(self.ranges.len()) {
            None => self.ranges[column],
            Some(fact) => self.facts[fact].1,
        }
    }
}

enum Step {
    Exchanged,
    Done,
    Contradiction,
}

/// A fact used from above, or its negative from below.
#[derive(Clone, Copy)]
struct Side {
    column: usize,
    above: bool,
}

/// The dual simplex method. It keeps as many facts as there are unknowns, the *basis*, whose sum with the weights
/// is the goal. They hold at one point; while a fact does not hold there, it is exchanged for one of the basis.
struct Search<'a> {
    problem: &'a Problem,
    basis: Vec<Side>,
    /// One for each fact of the basis, none negative.
    weights: Vec<Ratio>,
    /// Each fact as a sum of the basis: by fact of the basis, then by column.
    table: Vec<Vec<Ratio>>,
    /// What each fact's sum is at the point.
    point: Vec<Ratio>,
}

impl<'a> Search<'a> {
    /// Starts at the corner of the ranges where the goal is greatest.
    fn new(problem: &'a Problem, goal: &[i128]) -> Option<Self> {
        let basis: Vec<Side> = goal.iter().enumerate().map(|(column, &c)| Side { column, above: c >= 0 }).collect();
        let weights = goal.iter().map(|&c| Ratio::whole(c.abs())).collect();
        let sign = |row: usize| if basis[row].above { 1 } else { -1 };
        let table = (0..goal.len())
            .map(|row| {
                (0..problem.columns())
                    .map(|column| Ratio::whole(sign(row) * problem.coefficient(row, column)))
                    .collect()
            })
            .collect();
        let mut search = Search { problem, basis, weights, table, point: Vec::new() };
        search.point = (0..problem.columns()).map(|column| search.at_corner(column)).collect::<Option<_>>()?;
        Some(search)
    }

    fn at_corner(&self, column: usize) -> Option<Ratio> {
        let mut sum: i128 = 0;
        for (row, side) in self.basis.iter().enumerate() {
            let range = self.problem.range(side.column);
            let end = if side.above { range.hi } else { range.lo };
            sum = sum.checked_add(self.problem.coefficient(row, column).checked_mul(end)?)?;
        }
        Some(Ratio::whole(sum))
    }

    /// The first fact that does not hold at the point, and how far it is off (negative). The first one always, lest
    /// the exchanges go in circles (Bland, "New finite pivoting rules for the simplex method", 1977).
    fn violated(&self) -> Option<Option<(Side, Ratio)>> {
        for column in 0..self.problem.columns() {
            let range = self.problem.range(column);
            let at = self.point[column];
            if range.hi < Range::FAR {
                let slack = Ratio::whole(range.hi).minus(at)?;
                if slack.num < 0 {
                    return Some(Some((Side { column, above: true }, slack)));
                }
            }
            if range.lo > -Range::FAR {
                let slack = at.minus(Ratio::whole(range.lo))?;
                if slack.num < 0 {
                    return Some(Some((Side { column, above: false }, slack)));
                }
            }
        }
        Some(None)
    }

    /// One exchange; `None` where numbers grow too large.
    fn exchange(&mut self) -> Option<Step> {
        let Some((entering, slack)) = self.violated()? else { return Some(Step::Done) };
        let sign = Ratio::whole(if entering.above { 1 } else { -1 });
        let column: Vec<Ratio> =
            self.table.iter().map(|row| row[entering.column].times(sign)).collect::<Option<_>>()?;
        let mut leaving: Option<(usize, Ratio)> = None;
        for (row, &entry) in column.iter().enumerate().filter(|(_, entry)| entry.num > 0) {
            let ratio = self.weights[row].over(entry)?;
            let better = match leaving {
                None => true,
                Some((other, least)) => {
                    let difference = ratio.minus(least)?;
                    difference.num < 0 || (difference.num == 0 && self.basis[row].column < self.basis[other].column)
                }
            };
            if better {
                leaving = Some((row, ratio));
            }
        }
        let Some((leaving, weight)) = leaving else {
            return self.contradicts(entering, &column)?.then_some(Step::Contradiction);
        };
        let pivot = column[leaving];
        let new_row: Vec<Ratio> = self.table[leaving].iter().map(|entry| entry.over(pivot)).collect::<Option<_>>()?;
        let mut weights = self.weights.clone();
        for (row, &entry) in column.iter().enumerate() {
            if row == leaving {
                weights[row] = weight;
                continue;
            }
            if entry.num == 0 {
                continue;
            }
            weights[row] = self.weights[row].minus(entry.times(weight)?)?;
            for (old, &new) in self.table[row].iter_mut().zip(&new_row) {
                if new.num != 0 {
                    *old = old.minus(entry.times(new)?)?;
                }
            }
        }
        for (at, &new) in self.point.iter_mut().zip(&new_row) {
            if new.num != 0 {
                *at = at.plus(slack.times(new)?)?;
            }
        }
        self.table[leaving] = new_row;
        self.weights = weights;
        self.basis[leaving] = entering;
        Some(Step::Exchanged)
    }

    /// The bound that the weights prove, if they prove one.
    fn certified(&self, goal: &[i128]) -> Option<i128> {
        let weighted = self.basis.iter().copied().zip(self.weights.iter().copied());
        let (sums, bound) = self.sum(weighted)?;
        let adds_up = sums.iter().zip(goal).all(|(sum, &c)| *sum == Ratio::whole(c));
        adds_up.then(|| div_floor(bound.num, bound.den))
    }

    /// Whether `entering`, less its parts in the basis, is a sum of facts that says 0 < 0.
    fn contradicts(&self, entering: Side, parts: &[Ratio]) -> Option<bool> {
        let parts = parts.iter().map(|part| Ratio { num: -part.num, den: part.den });
        let weighted = self.basis.iter().copied().zip(parts).chain([(entering, Ratio::whole(1))]);
        let (sums, bound) = self.sum(weighted)?;
        Some(bound.num < 0 && sums.iter().all(|sum| sum.num == 0))
    }

    /// The sum of facts with weights, and the bound that follows for it; nothing if a weight is negative.
    fn sum(&self, weighted: impl Iterator<Item = (Side, Ratio)>) -> Option<(Vec<Ratio>, Ratio)> {
        let mut sums = vec![Ratio::whole(0); self.basis.len()];
        let mut bound = Ratio::whole(0);
        for (side, weight) in weighted {
            if weight.num < 0 {
                return None;
            }
            if weight.num == 0 {
                continue;
            }
            let range = self.problem.range(side.column);
            let (sign, end) = if side.above { (1, range.hi) } else { (-1, -range.lo) };
            for (row, sum) in sums.iter_mut().enumerate() {
                let coefficient = sign * self.problem.coefficient(row, side.column);
                if coefficient != 0 {
                    *sum = sum.plus(weight.times(Ratio::whole(coefficient))?)?;
                }
            }
            bound = bound.plus(weight.times(Ratio::whole(end))?)?;
        }
        Some((sums, bound))
    }
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
        let by = gcd(num, den).max(1);
        Ratio { num: num / by, den: den / by }
    }

    fn plus(self, other: Ratio) -> Option<Ratio> {
        if self.den == 1 && other.den == 1 {
            return Some(Ratio { num: self.num.checked_add(other.num)?, den: 1 });
        }
        let num = self.num.checked_mul(other.den)?.checked_add(other.num.checked_mul(self.den)?)?;
        Some(Ratio::reduced(num, self.den.checked_mul(other.den)?))
    }

    fn minus(self, other: Ratio) -> Option<Ratio> {
        self.plus(Ratio { num: other.num.checked_neg()?, den: other.den })
    }

    fn times(self, other: Ratio) -> Option<Ratio> {
        let num = self.num.checked_mul(other.num)?;
        if self.den == 1 && other.den == 1 {
            return Some(Ratio { num, den: 1 });
        }
        Some(Ratio::reduced(num, self.den.checked_mul(other.den)?))
    }

    /// Divided by `other`, which is positive.
    fn over(self, other: Ratio) -> Option<Ratio> {
        if other.num == 1 && other.den == 1 {
            return Some(self);
        }
        Some(Ratio::reduced(self.num.checked_mul(other.den)?, self.den.checked_mul(other.num)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(ranges: &[(i128, i128)], facts: &[(&[i128], i128, i128)]) -> Problem {
        Problem {
            ranges: ranges.iter().map(|&(lo, hi)| Range { lo, hi }).collect(),
            facts: facts.iter().map(|&(f, lo, hi)| (f.to_vec(), Range { lo, hi })).collect(),
        }
    }

    #[test]
    fn ranges_alone_give_a_corner() {
        assert_eq!(problem(&[(0, 9), (-3, 4)], &[]).greatest(&[2, -5]), Greatest::AtMost(33));
    }

    /// `i = 64 w + l` below 1000: what `w` and `l` cannot tell by themselves.
    #[test]
    fn a_guard_on_a_sum_bounds_it() {
        let guarded = problem(&[(0, 15), (0, 63)], &[(&[64, 1], 0, 999)]);
        assert_eq!(guarded.greatest(&[64, 1]), Greatest::AtMost(999));
        assert_eq!(guarded.greatest(&[128, 2]), Greatest::AtMost(1998));
        assert_eq!(guarded.greatest(&[-64, -1]), Greatest::AtMost(0));
        assert_eq!(guarded.greatest(&[64, 0]), Greatest::AtMost(960));
    }

    #[test]
    fn contradictions_are_noticed() {
        let impossible = problem(&[(0, 9), (0, 9)], &[(&[1, -1], 3, 5), (&[-1, 1], 2, 100)]);
        assert_eq!(impossible.greatest(&[1, 1]), Greatest::Nothing);
    }

    #[test]
    fn numbers_that_overflow_end_the_search() {
        let large = problem(
            &[(0, 1 << 90), (0, 1 << 90)],
            &[(&[(1 << 70) + 1, (1 << 69) + 3], 0, 1 << 95), (&[(1 << 60) + 7, -(1 << 71) + 1], 0, 5)],
        );
        assert!(matches!(large.greatest(&[(1 << 50) + 1, 1]), Greatest::AtMost(_)));
    }

    proptest! {
        /// No point that satisfies all facts lies beyond the bound.
        #[test]
        fn bounds_hold_at_every_point(
            ranges in prop::collection::vec((-4i128..5, 0i128..5), 3),
            facts in prop::collection::vec((prop::collection::vec(-4i128..5, 3), -9i128..10, 0i128..9), 0..5),
            goal in prop::collection::vec(-5i128..6, 3),
        ) {
            let problem = Problem {
                ranges: ranges.iter().map(|&(lo, n)| Range { lo, hi: lo + n }).collect(),
                facts: facts.iter().map(|(f, lo, n)| (f.clone(), Range { lo: *lo, hi: lo + n })).collect(),
            };
            let dot = |a: &[i128], b: &[i128]| a.iter().zip(b).map(|(x, y)| x * y).sum::<i128>();
            let mut greatest = None;
            for x in problem.ranges[0].lo..=problem.ranges[0].hi {
                for y in problem.ranges[1].lo..=problem.ranges[1].hi {
                    for z in problem.ranges[2].lo..=problem.ranges[2].hi {
                        let point = [x, y, z];
                        let holds = |f: &(Vec<i128>, Range)| (f.1.lo..=f.1.hi).contains(&dot(&f.0, &point));
                        if problem.facts.iter().all(holds) {
                            greatest = greatest.max(Some(dot(&goal, &point)));
                        }
                    }
                }
            }
            match (problem.greatest(&goal), greatest) {
                (Greatest::AtMost(bound), Some(found)) => prop_assert!(found <= bound, "{found} above {bound}"),
                (Greatest::Nothing, Some(found)) => prop_assert!(false, "{found} where nothing should be"),
                (_, None) => {}
            }
        }
    }
}
