//! Linear forms with integer coefficients, and ranges of integers.

/// Names an unknown integer of the analysis: a coordinate, a loop counter, a quotient, a loaded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub u32);

/// Coefficients and constants stay below this; what grows beyond is no longer a form.
const LIMIT: i128 = 1 << 72;

/// The integers from `lo` to `hi`, both included; none if `lo > hi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    pub lo: i128,
    pub hi: i128,
}

impl Range {
    /// Stands for "no upper bound", its negative for "no lower bound".
    pub const FAR: i128 = 1 << 100;
    pub const ALL: Range = Range { lo: -Range::FAR, hi: Range::FAR };
    pub const EMPTY: Range = Range { lo: 1, hi: 0 };

    pub fn new(lo: i128, hi: i128) -> Self {
        Range { lo, hi }
    }

    pub fn only(value: i128) -> Self {
        Range { lo: value, hi: value }
    }

    /// The numbers that 32 bits can stand for.
    pub fn window(signed: bool) -> Self {
        match signed {
            true => Range { lo: i128::from(i32::MIN), hi: i128::from(i32::MAX) },
            false => Range { lo: 0, hi: i128::from(u32::MAX) },
        }
    }

    pub fn is_empty(self) -> bool {
        self.lo > self.hi
    }

    pub fn contains(self, other: Range) -> bool {
        other.is_empty() || (self.lo <= other.lo && other.hi <= self.hi)
    }

    /// The smallest range that holds both.
    pub fn hull(self, other: Range) -> Range {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Range { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) },
        }
    }

    pub fn intersect(self, other: Range) -> Range {
        Range { lo: self.lo.max(other.lo), hi: self.hi.min(other.hi) }
    }

    /// The range of what is `by` more.
    pub fn shift(self, by: i128) -> Range {
        let shift = |x: i128| if x.abs() >= Range::FAR { x } else { x + by };
        Range { lo: shift(self.lo), hi: shift(self.hi) }
    }

    /// The range of the negatives.
    pub fn negate(self) -> Range {
        Range { lo: -self.hi, hi: -self.lo }
    }

    /// The one number in it.
    pub fn single(self) -> Option<i128> {
        (self.lo == self.hi).then_some(self.lo)
    }
}

/// `constant + sum(coefficient * symbol)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Form {
    pub constant: i128,
    /// By symbol, none with the coefficient 0.
    terms: Vec<(Symbol, i128)>,
}

impl Form {
    pub fn number(constant: i128) -> Self {
        Form { constant, terms: Vec::new() }
    }

    pub fn symbol(symbol: Symbol) -> Self {
        Form { constant: 0, terms: vec![(symbol, 1)] }
    }

    pub fn terms(&self) -> &[(Symbol, i128)] {
        &self.terms
    }

    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.terms.iter().map(|&(symbol, _)| symbol)
    }

    /// The number that the form is whatever its symbols are.
    pub fn as_number(&self) -> Option<i128> {
        self.terms.is_empty().then_some(self.constant)
    }

    pub fn coefficient(&self, symbol: Symbol) -> i128 {
        self.terms.binary_search_by_key(&symbol, |t| t.0).map_or(0, |i| self.terms[i].1)
    }

    /// `self + factor * other`, unless it grows too large.
    pub fn plus(&self, factor: i128, other: &Form) -> Option<Form> {
        let fits = |x: i128| (x.abs() < LIMIT).then_some(x);
        let constant = fits(self.constant.checked_add(factor.checked_mul(other.constant)?)?)?;
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut left, mut right) = (self.terms.iter().peekable(), other.terms.iter().peekable());
        loop {
            let (symbol, coefficient) = match (left.peek(), right.peek()) {
                (Some(&&(a, x)), Some(&&(b, y))) if a == b => {
                    left.next();
                    right.next();
                    (a, x.checked_add(factor.checked_mul(y)?)?)
                }
                (Some(&&(a, x)), Some(&&(b, _))) if a < b => {
                    left.next();
                    (a, x)
                }
                (Some(&&(a, x)), None) => {
                    left.next();
                    (a, x)
                }
                (_, Some(&&(b, y))) => {
                    right.next();
                    (b, factor.checked_mul(y)?)
                }
                (None, None) => break,
            };
            if coefficient != 0 {
                terms.push((symbol, fits(coefficient)?));
            }
        }
        Some(Form { constant, terms })
    }

    pub fn times(&self, factor: i128) -> Option<Form> {
        Form::default().plus(factor, self)
    }

    /// The form that is `by` more.
    pub fn shift(&self, by: i128) -> Form {
        Form { constant: self.constant + by, terms: self.terms.clone() }
    }

    /// The form without its constant.
    pub fn linear(&self) -> Form {
        Form { constant: 0, terms: self.terms.clone() }
    }

    /// The part that a division by `by` leaves nothing of, divided.
    pub fn quotient(&self, by: i128) -> Form {
        let terms = self.terms.iter().filter(|t| t.1 % by == 0).map(|&(s, c)| (s, c / by)).collect();
        Form { constant: 0, terms }
    }

    /// The greatest number that divides all coefficients.
    pub fn divisor(&self) -> i128 {
        self.terms.iter().fold(0, |g, &(_, c)| gcd(g, c))
    }

    /// The form with all coefficients divided by `by`, which divides them.
    pub fn divided(&self, by: i128) -> Form {
        let terms = self.terms.iter().map(|&(s, c)| (s, c / by)).collect();
        Form { constant: self.constant / by, terms }
    }
}

pub fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        // Small numbers are the rule, and their remainders are much cheaper.
        (a, b) = match (u64::try_from(a), u64::try_from(b)) {
            (Ok(x), Ok(y)) => (b, u128::from(x % y)),
            _ => (b, a % b),
        };
    }
    a as i128
}

/// `a / b` rounded down; `b` is positive.
pub fn div_floor(a: i128, b: i128) -> i128 {
    a.div_euclid(b)
}

/// `a / b` rounded up; `b` is positive.
pub fn div_ceil(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_add_up() {
        let (x, y) = (Form::symbol(Symbol(1)), Form::symbol(Symbol(2)));
        let sum = x.times(3).and_then(|f| f.plus(-2, &y)).map(|f| f.shift(5)).unwrap();
        assert_eq!(sum.terms(), [(Symbol(1), 3), (Symbol(2), -2)]);
        assert_eq!((sum.coefficient(Symbol(2)), sum.coefficient(Symbol(3)), sum.constant), (-2, 0, 5));
        assert_eq!(sum.plus(-3, &x).unwrap().terms(), [(Symbol(2), -2)]);
        assert_eq!(sum.plus(-1, &sum), Some(Form::number(0)));
        assert_eq!(x.times(LIMIT), None);
        assert_eq!(x.times(1 << 40).unwrap().times(1 << 40), None);
    }

    #[test]
    fn division_rounds_down_and_up() {
        assert_eq!([-7, -6, -1, 0, 5, 6].map(|a| div_floor(a, 3)), [-3, -2, -1, 0, 1, 2]);
        assert_eq!([-7, -6, -1, 0, 5, 6].map(|a| div_ceil(a, 3)), [-2, -2, 0, 0, 2, 2]);
        assert_eq!(gcd(-12, 18), 6);
        assert_eq!(gcd(0, 1 << 80), 1 << 80);
    }
}
