//! What follows from the definition of a symbol, given the guards of a place.
//!
//! Each derivation gives the symbol's range and, where it can, how far the symbol is from a form of older symbols: the clamp
//! `max(y, 1)` of a row `y` is between 0 and 1 above it, which is what makes a stencil with clamped edges a stencil.

use super::{
    facts::{Definition, Fact, IncomingForm, Knowledge},
    form::{Form, Range, Symbol, div_ceil, div_floor},
};

const TURN: i128 = 1 << 32;
/// The most forms that a choice is compared with.
const MAX_REFERENCES: usize = 4;
/// The most incoming values of a choice that are looked at one by one.
const MAX_WAYS: usize = 8;
/// Factors up to this size bound their product by straight lines.
const SMALL: i128 = 1 << 34;

impl Definition {
    /// Calls `visit` with the forms that the definition is made of.
    pub fn visit_forms(&self, visit: &mut impl FnMut(&Form)) {
        match self {
            Definition::Within(_) => {}
            Definition::Reading { form, .. } => visit(form),
            Definition::Quotient { of, .. } | Definition::Magnitude { of } => visit(of),
            Definition::Remainder { of, quotient, .. } => {
                visit(of);
                visit(&Form::symbol(*quotient));
            }
            Definition::Extreme { a, b, .. }
            | Definition::Product { a, b, .. }
            | Definition::And { a, b }
            | Definition::Or { a, b }
            | Definition::Xor { a, b }
            | Definition::UnknownQuotient { a, b }
            | Definition::UnknownRemainder { a, b } => {
                visit(a);
                visit(b);
            }
            Definition::Choice { ways, .. } => ways.iter().for_each(|way| visit(&way.form)),
        }
    }

    /// Whether the definition says all about the number once the symbols in it are known.
    fn is_determined(&self) -> bool {
        !matches!(self, Definition::Within(_) | Definition::Choice { .. })
    }

    /// The range that the number has wherever it is defined.
    pub fn widest(&self) -> Range {
        match *self {
            Definition::Within(range) => range,
            Definition::Reading { signed, .. } | Definition::Extreme { signed, .. } => Range::window(signed),
            Definition::Choice { signed, .. } => Range::window(signed),
            Definition::Quotient { signed, by, truncates, .. } => divided(Range::window(signed), by, truncates),
            Definition::Remainder { signed, by, truncates, .. } => {
                Range::new(if signed && truncates { 1 - by } else { 0 }, by - 1)
            }
            Definition::Magnitude { .. } => Range::new(0, 1 << 31),
            Definition::Product { signed, .. } => product(Range::window(signed), Range::window(signed)),
            Definition::And { .. }
            | Definition::Or { .. }
            | Definition::Xor { .. }
            | Definition::UnknownQuotient { .. }
            | Definition::UnknownRemainder { .. } => Range::window(false),
        }
    }
}

/// `x / by` for all `x` of a range.
fn divided(x: Range, by: i128, truncates: bool) -> Range {
    match truncates {
        true => Range::new(x.lo / by, x.hi / by),
        false => Range::new(div_floor(x.lo, by), div_floor(x.hi, by)),
    }
}

fn product(x: Range, y: Range) -> Range {
    let times = |a: i128, b: i128| a.saturating_mul(b).clamp(-Range::FAR, Range::FAR);
    let corners = [times(x.lo, y.lo), times(x.lo, y.hi), times(x.hi, y.lo), times(x.hi, y.hi)];
    let (lo, hi) = corners.iter().fold((i128::MAX, i128::MIN), |(lo, hi), &c| (lo.min(c), hi.max(c)));
    Range::new(lo, hi)
}

/// The smallest number of ones, in binary, that is not below `x`.
fn ones(x: i128) -> i128 {
    (1i128 << (128 - x.leading_zeros())) - 1
}

/// The facts about one symbol, as they are found.
struct Found {
    symbol: Symbol,
    facts: Vec<Fact>,
}

impl Found {
    fn new(symbol: Symbol, range: Range) -> Self {
        Found { symbol, facts: vec![Fact { form: Form::symbol(symbol), range }] }
    }

    /// `factor * symbol + of * form` lies in `range`.
    fn constrain_sum(&mut self, factor: i128, of: i128, form: &Form, range: Range) {
        if form.as_number().is_some() {
            return;
        }
        let sum = Form::symbol(self.symbol).times(factor).and_then(|s| s.plus(of, form));
        if let Some(sum) = sum {
            self.facts.push(Fact { range: range.shift(-sum.constant), form: sum.linear() });
        }
    }

    /// `symbol - form` lies in `range`.
    fn offset_from(&mut self, form: &Form, range: Range) {
        self.constrain_sum(1, -1, form, range);
    }
}

impl Knowledge {
    /// What is known here about `symbol`: first its range.
    pub(super) fn derive(&mut self, symbol: Symbol) -> Vec<Fact> {
        let found = match self.definition(symbol).clone() {
            Definition::Within(range) => Found::new(symbol, range),
            Definition::Reading { form, .. } => self.derive_reading(symbol, &form),
            Definition::Quotient { of, signed, by, truncates } => {
                let x = self.reading(&of, signed);
                self.derive_quotient(symbol, &x, by, truncates)
            }
            Definition::Remainder { of, signed, by, truncates, quotient } => {
                let x = self.reading(&of, signed);
                let range = self.bound(&x);
                let (least, most) =
                    if truncates { (range.lo.min(0).max(1 - by), range.hi.max(0)) } else { (0, by - 1) };
                let most = if range.lo >= 0 { most.min(range.hi) } else { most };
                let mut found = Found::new(symbol, Range::new(least, most.min(by - 1)));
                let product = Form::symbol(quotient).times(by).and_then(|p| p.plus(-1, &x));
                product.iter().for_each(|p| found.constrain_sum(1, 1, p, Range::only(0)));
                found
            }
            Definition::Extreme { greatest, a, b, signed } => {
                let (x, y) = (self.reading(&a, signed), self.reading(&b, signed));
                self.derive_extreme(symbol, &x, &y, greatest)
            }
            Definition::Magnitude { of } => {
                let x = self.reading(&of, true);
                let Range { lo, hi } = self.bound(&x);
                let mut found = Found::new(symbol, Range::new(lo.max(-hi).max(0), hi.max(-lo)));
                found.offset_from(&x, Range::new((-2 * hi).max(0), (-2 * lo).max(0)));
                found.constrain_sum(1, 1, &x, Range::new((2 * lo).max(0), (2 * hi).max(0)));
                found
            }
            Definition::Product { a, b, signed } => {
                let (x, y) = (self.reading(&a, signed), self.reading(&b, signed));
                self.derive_product(symbol, &x, &y)
            }
            Definition::And { a, b } => {
                let ((x, rx), (y, ry)) = (self.unsigned(&a), self.unsigned(&b));
                let mut found = Found::new(symbol, Range::new(0, rx.hi.min(ry.hi)));
                found.offset_from(&x, Range::new(-rx.hi, 0));
                found.offset_from(&y, Range::new(-ry.hi, 0));
                found
            }
            Definition::Or { a, b } => {
                let ((x, rx), (y, ry)) = (self.unsigned(&a), self.unsigned(&b));
                let most = (rx.hi + ry.hi).min(ones(rx.hi.max(ry.hi)));
                let mut found = Found::new(symbol, Range::new(rx.lo.max(ry.lo), most));
                found.offset_from(&x, Range::new(0, ry.hi));
                found.offset_from(&y, Range::new(0, rx.hi));
                add_disjoint(&mut found, (&x, rx), (&y, ry));
                found
            }
            Definition::Xor { a, b } => {
                let ((x, rx), (y, ry)) = (self.unsigned(&a), self.unsigned(&b));
                let mut found = Found::new(symbol, Range::new(0, ones(rx.hi.max(ry.hi))));
                found.offset_from(&x, Range::new(-ry.hi, ry.hi));
                found.offset_from(&y, Range::new(-rx.hi, rx.hi));
                add_disjoint(&mut found, (&x, rx), (&y, ry));
                found
            }
            Definition::UnknownQuotient { a, b } => {
                let ((x, rx), (_, ry)) = (self.unsigned(&a), self.unsigned(&b));
                // A division by zero leaves the dividend.
                let range = Range::new(rx.lo / ry.hi.max(1), rx.hi / ry.lo.max(1));
                let mut found = Found::new(symbol, range);
                found.offset_from(&x, Range::new(-Range::FAR, 0));
                found
            }
            Definition::UnknownRemainder { a, b } => {
                let ((x, rx), (y, ry)) = (self.unsigned(&a), self.unsigned(&b));
                let mut found = Found::new(symbol, Range::new(0, rx.hi.min((ry.hi - 1).max(0))));
                found.offset_from(&x, Range::new(-Range::FAR, 0));
                if ry.lo >= 1 {
                    found.offset_from(&y, Range::new(-Range::FAR, -1));
                }
                found
            }
            Definition::Choice { ways, signed, outer } => self.derive_choice(symbol, &ways, signed, outer),
        };
        found.facts
    }

    fn unsigned(&mut self, form: &Form) -> (Form, Range) {
        let reading = self.reading(form, false);
        let range = self.bound(&reading);
        (reading, range)
    }

    /// The number and the form differ by a multiple of 2^32; guards on the number may leave only one.
    fn derive_reading(&mut self, symbol: Symbol, form: &Form) -> Found {
        let range = self.bound_symbol(symbol);
        let inner = self.bound(form);
        if range.is_empty() || inner.is_empty() || inner.lo <= -Range::FAR || inner.hi >= Range::FAR {
            return Found::new(symbol, range);
        }
        let lo = div_ceil(range.lo - inner.hi, TURN) * TURN;
        let hi = div_floor(range.hi - inner.lo, TURN) * TURN;
        if lo > hi {
            return Found::new(symbol, Range::EMPTY);
        }
        let mut found = Found::new(symbol, range.intersect(Range::new(inner.lo + lo, inner.hi + hi)));
        found.offset_from(form, Range::new(lo, hi));
        found
    }

    fn derive_quotient(&mut self, symbol: Symbol, x: &Form, by: i128, truncates: bool) -> Found {
        let range = self.bound(x);
        let mut found = Found::new(symbol, divided(range, by, truncates));
        if range.is_empty() {
            return found;
        }
        let least = if truncates && range.lo < 0 { 1 - by } else { 0 };
        let most = if truncates && range.hi < 0 { 0 } else { by - 1 };
        found.constrain_sum(-by, 1, x, Range::new(least, most));
        // With x = by * a + b, the quotient is a and what b adds to it.
        let a = x.quotient(by);
        if (!truncates || range.lo >= 0)
            && let Some(b) = x.plus(-by, &a)
        {
            let b = self.bound(&b);
            found.offset_from(&a, divided(b, by, false));
        }
        found
    }

    fn derive_extreme(&mut self, symbol: Symbol, x: &Form, y: &Form, greatest: bool) -> Found {
        let (rx, ry) = (self.bound(x), self.bound(y));
        if rx.is_empty() || ry.is_empty() {
            return Found::new(symbol, Range::EMPTY);
        }
        let pick = |a: i128, b: i128| if greatest { a.max(b) } else { a.min(b) };
        let extreme = |a: Range, b: Range| Range::new(pick(a.lo, b.lo), pick(a.hi, b.hi));
        let mut found = Found::new(symbol, extreme(rx, ry));
        for reference in self.references([x, y].into_iter()) {
            let mut offset = |form: &Form| form.plus(-1, &reference).map_or(Range::ALL, |rest| self.bound(&rest));
            let range = extreme(offset(x), offset(y));
            found.offset_from(&reference, range);
        }
        found
    }

    /// Forms from which the distance of a choice among `forms` is worked out: those themselves without their constants,
    /// and their parts in coordinates of the grid. A clamp of `y + k`, where `k` counts a loop, is bounded in its
    /// distance from `y`, and a stencil is told by that.
    fn references<'a>(&mut self, forms: impl Iterator<Item = &'a Form>) -> Vec<Form> {
        let mut references: Vec<Form> = Vec::new();
        for form in forms {
            for reference in [form.linear(), self.of_grid(form)] {
                if reference.as_number().is_none()
                    && !references.contains(&reference)
                    && references.len() < MAX_REFERENCES
                {
                    references.push(reference);
                }
            }
        }
        references
    }

    fn derive_product(&mut self, symbol: Symbol, x: &Form, y: &Form) -> Found {
        let (rx, ry) = (self.bound(x), self.bound(y));
        let mut found = Found::new(symbol, product(rx, ry));
        if rx.is_empty() || ry.is_empty() || [rx.lo, rx.hi, ry.lo, ry.hi].iter().any(|end| end.abs() > SMALL) {
            return found;
        }
        // (x - x0)(y - y0) has a sign at each corner (McCormick, "Computability of global solutions to factorable
        // nonconvex programs", 1976).
        for (x0, y0, above) in
            [(rx.lo, ry.lo, true), (rx.hi, ry.hi, true), (rx.lo, ry.hi, false), (rx.hi, ry.lo, false)]
        {
            let lines = x.times(y0).and_then(|f| f.plus(x0, y));
            let at = -x0 * y0;
            let range = if above { Range::new(at, Range::FAR) } else { Range::new(-Range::FAR, at) };
            lines.iter().for_each(|lines| found.offset_from(lines, range));
        }
        found
    }

    fn derive_choice(&mut self, symbol: Symbol, ways: &[IncomingForm], signed: bool, outer: Symbol) -> Found {
        if ways.len() > MAX_WAYS {
            return Found::new(symbol, Range::window(signed));
        }
        self.choices += 1;
        let mut range = Range::EMPTY;
        let mut taken: Vec<(&IncomingForm, Form)> = Vec::new();
        for way in ways {
            self.push();
            self.learn_all(&way.guards);
            let reading = self.reading(&way.form, signed);
            let here = self.bound(&reading);
            self.pop();
            if !here.is_empty() {
                range = range.hull(here);
                taken.push((way, reading));
            }
        }
        let mut found = Found::new(symbol, range);
        // What is made of symbols older than the choice means the same whichever value is chosen.
        let mut references = self.references(taken.iter().map(|(_, reading)| reading));
        references.retain(|reference| {
            self.support(reference).iter().all(|s| s < outer || self.definition(s).is_determined())
        });
        let mut distances = vec![Range::EMPTY; references.len()];
        for (way, reading) in taken.iter().filter(|_| !references.is_empty()) {
            self.push();
            self.learn_all(&way.guards);
            for (reference, distance) in references.iter().zip(&mut distances) {
                let here = reading.plus(-1, reference).map_or(Range::ALL, |difference| self.bound(&difference));
                *distance = distance.hull(here);
            }
            self.pop();
        }
        references.iter().zip(distances).for_each(|(reference, distance)| found.offset_from(reference, distance));
        self.choices -= 1;
        found
    }
}

/// Where one operand has bits only above the other's, the two are added.
fn add_disjoint(found: &mut Found, (x, rx): (&Form, Range), (y, ry): (&Form, Range)) {
    let above = |x: &Form, below: i128| {
        let unit = ones(below) + 1;
        x.constant % unit == 0 && x.terms().iter().all(|t| t.1 % unit == 0)
    };
    if rx.lo >= 0 && ry.lo >= 0 && (above(x, ry.hi) || above(y, rx.hi)) {
        x.plus(1, y).iter().for_each(|sum| found.offset_from(sum, Range::only(0)));
    }
}
