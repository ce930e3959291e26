//! What a condition tells about the invocations for which it holds.

use super::{
    form::{Form, Range},
    walk::{Analyzer, IncomingBool},
};
use crate::ir::{Binary, Op, Type, Unary, Value};

/// How deep conditions are taken apart.
const MAX_DEPTH: usize = 24;
/// How many alternatives are followed within each other.
const MAX_ALTERNATIVES: usize = 2;

impl Analyzer<'_> {
    /// Learns, in the innermost frame, that `cond` is `truth`.
    pub fn assume(&mut self, cond: Value, truth: bool) {
        self.assume_within(cond, truth, MAX_DEPTH);
    }

    fn assume_within(&mut self, cond: Value, truth: bool, depth: usize) {
        if depth == 0 || self.known.is_unreachable() {
            return;
        }
        let program = self.program;
        match &program.def(cond).op {
            Op::Const(bits) if (*bits != 0) == truth => {}
            Op::Const(_) => self.known.mark_unreachable(),
            Op::Unary(Unary::Not, a) => self.assume_within(*a, !truth, depth - 1),
            Op::Binary(op @ (Binary::And | Binary::Or), a, b) => {
                if (*op == Binary::And) == truth {
                    self.assume_within(*a, truth, depth - 1);
                    self.assume_within(*b, truth, depth - 1);
                } else {
                    self.either(depth, &[&[(*a, truth)], &[(*b, truth)]]);
                }
            }
            Op::Binary(op, a, b) if matches!(program.ty(*a), Type::I32 | Type::U32) => {
                let signed = program.ty(*a) == Type::I32;
                let (a, b) = (self.form(*a), self.form(*b));
                let (a, b) = (self.known.reading(&a, signed), self.known.reading(&b, signed));
                if let Some(difference) = a.plus(-1, &b) {
                    self.compare(*op, truth, &difference);
                }
            }
            Op::Convert(a) if matches!(program.ty(*a), Type::I32 | Type::U32) => {
                let a = self.form(*a);
                let a = self.known.reading(&a, program.ty(cond) == Type::I32);
                self.compare(Binary::Ne, truth, &a);
            }
            Op::Select { cond, accept, reject } => {
                self.either(depth, &[&[(*cond, true), (*accept, truth)], &[(*cond, false), (*reject, truth)]]);
            }
            Op::Phi => self.assume_incoming(cond, truth, depth),
            _ => {}
        }
    }

    /// Learns how a difference compares with zero.
    fn compare(&mut self, op: Binary, truth: bool, difference: &Form) {
        let (below, above) = (Range::new(-Range::FAR, -1), Range::new(1, Range::FAR));
        let range = match (op, truth) {
            (Binary::Lt, true) | (Binary::Ge, false) => below,
            (Binary::Gt, true) | (Binary::Le, false) => above,
            (Binary::Le, true) | (Binary::Gt, false) => Range::new(-Range::FAR, 0),
            (Binary::Ge, true) | (Binary::Lt, false) => Range::new(0, Range::FAR),
            (Binary::Eq, true) | (Binary::Ne, false) => Range::only(0),
            (Binary::Ne, true) | (Binary::Eq, false) => {
                // Unequal is a range only where one side is out of the question.
                let known = self.known.bound(difference);
                if known.is_empty() || known == Range::only(0) {
                    return self.known.mark_unreachable();
                }
                match (known.lo, known.hi) {
                    (0, _) => above,
                    (_, 0) => below,
                    _ => return,
                }
            }
            _ => return,
        };
        self.known.learn(difference, range);
    }

    /// Learns what follows where at least one of the alternatives, each a list of conditions, holds: all of it if only one is
    /// possible.
    fn either(&mut self, depth: usize, alternatives: &[&[(Value, bool)]]) {
        // Most alternatives that are out of the question say so.
        let refuted = |&(cond, truth): &(Value, bool)| self.constant(cond).is_some_and(|bits| bits != truth);
        let open: Vec<&[(Value, bool)]> =
            alternatives.iter().copied().filter(|conditions| !conditions.iter().any(refuted)).collect();
        if let [only] = open[..] {
            return only.iter().for_each(|&(cond, truth)| self.assume_within(cond, truth, depth - 1));
        }
        if self.alternatives >= MAX_ALTERNATIVES {
            return;
        }
        self.alternatives += 1;
        let mut possible = Vec::new();
        for conditions in open {
            self.known.push();
            for &(cond, truth) in conditions {
                self.assume_within(cond, truth, depth - 1);
            }
            if !self.known.is_unreachable() {
                possible.push(conditions);
            }
            self.known.pop();
        }
        match possible[..] {
            [] => self.known.mark_unreachable(),
            [only] => only.iter().for_each(|&(cond, truth)| self.assume_within(cond, truth, depth - 1)),
            _ => {}
        }
        self.alternatives -= 1;
    }

    /// The value of a condition that is a constant.
    fn constant(&self, cond: Value) -> Option<bool> {
        match self.program.def(cond).op {
            Op::Const(bits) => Some(bits != 0),
            _ => None,
        }
    }

    /// A condition that control flow chose: if only one way gives it this truth, that way was taken.
    fn assume_incoming(&mut self, cond: Value, truth: bool, depth: usize) {
        let Some(ways) = self.bools.get(&cond) else { return };
        let possible: Vec<&IncomingBool> = ways.iter().filter(|way| self.constant(way.value) != Some(!truth)).collect();
        match possible[..] {
            [] => self.known.mark_unreachable(),
            [only] => {
                let IncomingBool { guards, value } = only.clone();
                self.known.learn_all(&guards);
                self.assume_within(value, truth, depth - 1);
            }
            _ => {}
        }
    }
}
