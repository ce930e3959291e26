//! Operations on values, in the cheapest shape that their operands allow.
//!
//! Most of what a kernel computes with integers is the same in all lanes, or grows by a constant from lane
//! to lane: indices, bounds, conditions on them. Such values are worked out from their few parameters;
//! a row of lanes is computed only where nothing simpler describes the result. A shape needs to
//! be right from the first to the last active lane only: no value is read in lanes that are not active where
//! it is computed.

use super::{
    frame::Frame,
    lanes::{self, Arg, BinOp, UnOp},
    mask::{Mask, Window},
    value::ValueForm,
};

/// A ramp over the lanes of a window, as integers that do not wrap.
#[derive(Clone, Copy)]
pub(super) struct RampRange {
    pub first: i64,
    pub last: i64,
}

impl RampRange {
    /// The unsigned values of a ramp in lanes `lo..hi`, if they do not wrap.
    pub fn unsigned(base: u32, step: u32, lo: usize, hi: usize) -> Option<RampRange> {
        let first = i64::from(base.wrapping_add(step.wrapping_mul(lo as u32)));
        let last = first + i64::from(step as i32) * (hi - lo).saturating_sub(1) as i64;
        (0..=i64::from(u32::MAX)).contains(&last).then_some(RampRange { first, last })
    }

    /// The signed values of a ramp in lanes `lo..hi`, if they do not wrap.
    fn signed(base: u32, step: u32, lo: usize, hi: usize) -> Option<RampRange> {
        let first = i64::from(base.wrapping_add(step.wrapping_mul(lo as u32)) as i32);
        let last = first + i64::from(step as i32) * (hi - lo).saturating_sub(1) as i64;
        (i64::from(i32::MIN)..=i64::from(i32::MAX)).contains(&last).then_some(RampRange { first, last })
    }

    fn min(self) -> i64 {
        self.first.min(self.last)
    }

    fn max(self) -> i64 {
        self.first.max(self.last)
    }
}

impl Frame {
    /// `d = op(a)`.
    pub fn unary(&mut self, op: UnOp, d: u32, a: u32, mask: Mask) {
        let window = mask.window();
        let shape = match (op, self.shape(a)) {
            (_, ValueForm::Uniform(a)) => Some(ValueForm::Uniform(lanes::unary_one(op, a))),
            (UnOp::NegI, ValueForm::Ramp { base, step }) => {
                Some(ValueForm::Ramp { base: base.wrapping_neg(), step: step.wrapping_neg() })
            }
            (UnOp::Not, ValueForm::Ramp { base, step }) => {
                Some(ValueForm::Ramp { base: !base, step: step.wrapping_neg() })
            }
            (UnOp::Not, ValueForm::Split { at, below }) => Some(ValueForm::Split { at, below: !below }),
            _ => None,
        };
        if let Some(shape) = shape {
            return self.set(d, shape);
        }
        self.materialise(a);
        let row = self.new_row();
        let a = self.slot(a);
        let (result, others) = self.split(row, window);
        if let Arg::Row(a) = others.arg(a, window) {
            lanes::unary(op, result, a);
        }
        self.set_row(d, row);
    }

    /// `d = op(a, b)`.
    pub fn binary(&mut self, op: BinOp, d: u32, a: u32, b: u32, mask: Mask) {
        let window = mask.window();
        if let Some(shape) = binary_shape(op, self.shape(a), self.shape(b), mask.range()) {
            return match shape {
                RowlessResult::ValueForm(shape) => self.set(d, shape),
                RowlessResult::First => self.copy(d, a),
                RowlessResult::Second => self.copy(d, b),
            };
        }
        self.materialise(a);
        self.materialise(b);
        let row = self.new_row();
        let (a, b) = (self.slot(a), self.slot(b));
        let (result, others) = self.split(row, window);
        lanes::binary(op, result, others.arg(a, window), others.arg(b, window));
        self.set_row(d, row);
    }

    fn copy(&mut self, d: u32, a: u32) {
        let value = self.share(a);
        self.put(d, value);
    }

    /// `d = a * b + c`, rounded once.
    pub fn fma(&mut self, d: u32, a: u32, b: u32, c: u32, mask: Mask) {
        let window = mask.window();
        if let (ValueForm::Uniform(a), ValueForm::Uniform(b), ValueForm::Uniform(c)) =
            (self.shape(a), self.shape(b), self.shape(c))
        {
            return self.set(d, ValueForm::Uniform(lanes::fma_one(a, b, c)));
        }
        for operand in [a, b, c] {
            self.materialise(operand);
        }
        let row = self.new_row();
        let [a, b, c] = [a, b, c].map(|operand| self.slot(operand));
        let (result, others) = self.split(row, window);
        lanes::fma(result, others.arg(a, window), others.arg(b, window), others.arg(c, window));
        self.set_row(d, row);
    }

    /// `d = accept` where `cond` holds, else `reject`.
    pub fn select(&mut self, d: u32, cond: u32, accept: u32, reject: u32, mask: Mask) {
        let window = mask.window();
        match self.shape(cond) {
            ValueForm::Uniform(0) => return self.copy(d, reject),
            ValueForm::Uniform(_) => return self.copy(d, accept),
            ValueForm::Split { at, below } if at <= mask.lo() || at >= mask.hi() => {
                return self.copy(d, if below == (at >= mask.hi()) { accept } else { reject });
            }
            _ => {}
        }
        let (a, b) = (self.shape(accept), self.shape(reject));
        if a == b && a != ValueForm::Row {
            return self.copy(d, accept);
        }
        for operand in [cond, accept, reject] {
            self.materialise(operand);
        }
        let row = self.new_row();
        let [cond, accept, reject] = [cond, accept, reject].map(|operand| self.slot(operand));
        let (result, others) = self.split(row, window);
        if let Arg::Row(cond) = others.arg(cond, window) {
            lanes::select(result, cond, others.arg(accept, window), others.arg(reject, window));
        }
        self.set_row(d, row);
    }
}

/// A result without a row of its own.
enum RowlessResult {
    ValueForm(ValueForm),
    First,
    Second,
}

fn binary_shape(op: BinOp, a: ValueForm, b: ValueForm, window: Window) -> Option<RowlessResult> {
    use ValueForm::{Ramp, Split, Uniform};
    let shape = match (a, b) {
        (ValueForm::Row, _) | (_, ValueForm::Row) => return None,
        (Uniform(a), Uniform(b)) => Uniform(lanes::binary_one(op, a, b)),
        (Ramp { base, step }, Uniform(b)) => return ramp_uniform(op, base, step, b, window),
        (Uniform(a), Ramp { base, step }) => return uniform_ramp(op, a, base, step, window),
        (Ramp { base: a, step: s }, Ramp { base: b, step: t }) => match op {
            BinOp::Add => ramp(a.wrapping_add(b), s.wrapping_add(t)),
            BinOp::Sub => ramp(a.wrapping_sub(b), s.wrapping_sub(t)),
            _ => return None,
        },
        (Split { at, below }, Split { at: other, below: same }) if below == same => match op {
            // Both hold in a prefix (or in a suffix) of the lanes: so does their conjunction.
            BinOp::And => Split { at: if below { at.min(other) } else { at.max(other) }, below },
            BinOp::Or => Split { at: if below { at.max(other) } else { at.min(other) }, below },
            _ => return None,
        },
        (split @ Split { .. }, Uniform(bits)) | (Uniform(bits), split @ Split { .. }) => match (op, bits != 0) {
            (BinOp::And, true) | (BinOp::Or, false) => split,
            (BinOp::And, false) => Uniform(0),
            (BinOp::Or, true) => Uniform(!0),
            _ => return None,
        },
        _ => return None,
    };
    Some(RowlessResult::ValueForm(shape))
}

fn ramp(base: u32, step: u32) -> ValueForm {
    if step == 0 { ValueForm::Uniform(base) } else { ValueForm::Ramp { base, step } }
}

fn ramp_uniform(op: BinOp, base: u32, step: u32, b: u32, window: Window) -> Option<RowlessResult> {
    let shape = match op {
        BinOp::Add => ramp(base.wrapping_add(b), step),
        BinOp::Sub => ramp(base.wrapping_sub(b), step),
        BinOp::Mul => ramp(base.wrapping_mul(b), step.wrapping_mul(b)),
        BinOp::Shl => ramp(base << (b & 31), step << (b & 31)),
        // The quotient is the same in all lanes: the window lies in one row of a grid, say.
        BinOp::DivU | BinOp::RemU if b != 0 => {
            let line = RampRange::unsigned(base, step, window.lo, window.hi)?;
            let quotient = line.first as u32 / b;
            if line.last as u32 / b != quotient {
                return None;
            }
            if op == BinOp::DivU { ValueForm::Uniform(quotient) } else { ramp(base.wrapping_sub(quotient * b), step) }
        }
        BinOp::DivI | BinOp::RemI if (b as i32) > 0 => {
            let line = RampRange::signed(base, step, window.lo, window.hi)?;
            let quotient = line.first / i64::from(b);
            if line.min() < 0 || line.last / i64::from(b) != quotient {
                return None;
            }
            let quotient = quotient as u32;
            if op == BinOp::DivI { ValueForm::Uniform(quotient) } else { ramp(base.wrapping_sub(quotient * b), step) }
        }
        BinOp::ShrU => {
            let line = RampRange::unsigned(base, step, window.lo, window.hi)?;
            let shifted = line.first as u32 >> (b & 31);
            if line.last as u32 >> (b & 31) != shifted {
                return None;
            }
            ValueForm::Uniform(shifted)
        }
        // The low bits, where the high ones are the same in all lanes.
        BinOp::And if b & b.wrapping_add(1) == 0 => {
            let line = RampRange::unsigned(base, step, window.lo, window.hi)?;
            if line.first as u32 & !b != line.last as u32 & !b {
                return None;
            }
            ramp(base.wrapping_sub(line.first as u32 & !b), step)
        }
        BinOp::MinU | BinOp::MaxU | BinOp::MinI | BinOp::MaxI => {
            let (line, b) = ordered(matches!(op, BinOp::MinU | BinOp::MaxU), base, step, b, window)?;
            let lower = line.max() <= b;
            if !lower && line.min() < b {
                return None;
            }
            return Some(if lower == matches!(op, BinOp::MinU | BinOp::MinI) {
                RowlessResult::First
            } else {
                RowlessResult::Second
            });
        }
        BinOp::LtU | BinOp::LeU | BinOp::LtI | BinOp::LeI | BinOp::Eq | BinOp::Ne => {
            return compare(op, false, base, step, b, window);
        }
        _ => return None,
    };
    Some(RowlessResult::ValueForm(shape))
}

fn uniform_ramp(op: BinOp, a: u32, base: u32, step: u32, window: Window) -> Option<RowlessResult> {
    let shape = match op {
        BinOp::Add => ramp(base.wrapping_add(a), step),
        BinOp::Sub => ramp(a.wrapping_sub(base), step.wrapping_neg()),
        BinOp::Mul => ramp(base.wrapping_mul(a), step.wrapping_mul(a)),
        BinOp::And => return ramp_uniform(op, base, step, a, window),
        BinOp::MinU | BinOp::MaxU | BinOp::MinI | BinOp::MaxI => {
            return Some(match ramp_uniform(op, base, step, a, window)? {
                RowlessResult::First => RowlessResult::Second,
                RowlessResult::Second => RowlessResult::First,
                shape => shape,
            });
        }
        BinOp::LtU | BinOp::LeU | BinOp::LtI | BinOp::LeI | BinOp::Eq | BinOp::Ne => {
            return compare(op, true, base, step, a, window);
        }
        _ => return None,
    };
    Some(RowlessResult::ValueForm(shape))
}

/// The ramp and the other operand as integers, in the order of unsigned or of signed numbers.
fn ordered(unsigned: bool, base: u32, step: u32, other: u32, window: Window) -> Option<(RampRange, i64)> {
    if unsigned {
        Some((RampRange::unsigned(base, step, window.lo, window.hi)?, i64::from(other)))
    } else {
        Some((RampRange::signed(base, step, window.lo, window.hi)?, i64::from(other as i32)))
    }
}

/// A comparison of a ramp with a number: the ramp is monotone, so the result changes at one lane at most,
/// save for equality somewhere inside.
fn compare(op: BinOp, swapped: bool, base: u32, step: u32, other: u32, window: Window) -> Option<RowlessResult> {
    let unsigned = matches!(op, BinOp::LtU | BinOp::LeU | BinOp::Eq | BinOp::Ne);
    let (line, other) = ordered(unsigned, base, step, other, window)?;
    let step = i64::from(step as i32);
    let holds = |lane: usize| {
        let value = line.first + step * (lane - window.lo) as i64;
        let (a, b) = if swapped { (other, value) } else { (value, other) };
        match op {
            BinOp::LtU | BinOp::LtI => a < b,
            BinOp::LeU | BinOp::LeI => a <= b,
            BinOp::Eq => a == b,
            _ => a != b,
        }
    };
    let (first, last) = (holds(window.lo), holds(window.hi - 1));
    if matches!(op, BinOp::Eq | BinOp::Ne) {
        let shape = if other < line.min() || other > line.max() {
            ValueForm::Uniform(if first { !0 } else { 0 })
        } else if other == line.first {
            ValueForm::Split { at: window.lo as u32 + 1, below: first }
        } else if other == line.last {
            ValueForm::Split { at: window.hi as u32 - 1, below: first }
        } else {
            return None;
        };
        return Some(RowlessResult::ValueForm(shape));
    }
    if first == last {
        return Some(RowlessResult::ValueForm(ValueForm::Uniform(if first { !0 } else { 0 })));
    }
    // The first lane whose result differs from that of the first one.
    let (mut lo, mut hi) = (window.lo, window.hi - 1);
    while hi - lo > 1 {
        let middle = lo + (hi - lo) / 2;
        if holds(middle) == first { lo = middle } else { hi = middle }
    }
    Some(RowlessResult::ValueForm(ValueForm::Split { at: hi as u32, below: first }))
}
