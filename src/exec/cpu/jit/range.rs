//! Between which numbers an integer lies, whatever the call: enough to prove accesses of tables and tiles in bounds.

use crate::ir::{Binary, Block, Builtin, End, Op, Program, Space, Stmt, Type, Unary, Value};

/// An unsigned value of 32 bits lies between these, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub low: u64,
    pub high: u64,
}

const FULL: Range = Range { low: 0, high: u32::MAX as u64 };

impl Range {
    fn exactly(x: u64) -> Range {
        Range { low: x, high: x }
    }

    fn join(self, other: Range) -> Range {
        Range { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The range, if it holds no number that wraps.
    fn fits(low: Option<u64>, high: Option<u64>) -> Range {
        match (low, high) {
            (Some(low), Some(high)) if high <= FULL.high => Range { low, high },
            _ => FULL,
        }
    }
}

/// A loop that counts in one parameter, from and to numbers that are known.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Which of the loop's parameters counts.
    pub param: usize,
    pub first: u64,
    pub step: u64,
    pub trips: u64,
}

/// The ranges of all values, by [`Value`]; those of floats and conditions mean nothing.
///
/// The parameter of a counting loop has the range that it has behind the loop's test.
pub fn ranges(program: &Program) -> Vec<Range> {
    let mut analysis = Analysis { program, ranges: vec![FULL; program.values.len()] };
    analysis.block(&program.body);
    analysis.ranges
}

/// Works out the ranges in a loop's body anew, where one of its parameters is known to lie in a smaller one.
pub fn narrow(program: &Program, ranges: &mut Vec<Range>, body: &Block, param: Value, range: Range) {
    let mut analysis = Analysis { program, ranges: std::mem::take(ranges) };
    analysis.ranges[param.0 as usize] = range;
    analysis.block(body);
    *ranges = analysis.ranges;
}

struct Analysis<'a> {
    program: &'a Program,
    ranges: Vec<Range>,
}

impl Analysis<'_> {
    fn of(&self, value: Value) -> Range {
        match self.program.def(value).op {
            Op::Const(bits) => Range::exactly(bits.into()),
            _ => self.ranges[value.0 as usize],
        }
    }

    fn block(&mut self, block: &Block) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::Let(value) => self.ranges[value.0 as usize] = self.op(*value),
                Stmt::If { accept, reject, results, .. } => {
                    self.block(accept);
                    self.block(reject);
                    if let (End::Yield(yes), End::Yield(no)) = (&accept.end, &reject.end) {
                        for (i, &result) in results.iter().enumerate() {
                            self.ranges[result.0 as usize] = self.of(yes[i]).join(self.of(no[i]));
                        }
                    }
                }
                Stmt::Loop { params, inits, body, .. } => {
                    for (i, &param) in params.iter().enumerate() {
                        self.ranges[param.0 as usize] = self.param(i, param, inits[i], params, inits, body);
                    }
                    self.block(body);
                }
                Stmt::Scope { body, .. } => self.block(body),
                Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
    }

    fn param(&self, i: usize, param: Value, init: Value, params: &[Value], inits: &[Value], body: &Block) -> Range {
        if let Some(count) = count(self.program, params, inits, body)
            && count.param == i
            && count.trips > 0
        {
            return Range { low: count.first, high: count.first + (count.trips - 1) * count.step };
        }
        // What only shrinks stays between zero and where it started.
        if let End::Yield(next) = &body.end
            && let Op::Binary(Binary::Shr | Binary::Div, a, by) = self.program.def(next[i]).op
            && a == param
            && self.program.ty(param) == Type::U32
            && matches!(self.program.def(by).op, Op::Const(1..))
        {
            return Range { low: 0, high: self.of(init).high };
        }
        FULL
    }

    fn op(&self, value: Value) -> Range {
        let def = self.program.def(value);
        let size = self.program.workgroup_size.map(u64::from);
        // The last group's lanes count on where the workgroup has ended, and are computed with the others.
        let lanes = size.iter().product::<u64>().next_multiple_of(8);
        match &def.op {
            Op::Builtin(Builtin::LocalId(0)) if size[1] == 1 && size[2] == 1 => Range { low: 0, high: lanes - 1 },
            Op::Builtin(Builtin::LocalId(axis @ 0..=1)) => Range { low: 0, high: size[usize::from(*axis)] - 1 },
            Op::Builtin(Builtin::LocalId(_)) => Range { low: 0, high: (lanes - 1) / (size[0] * size[1]) },
            Op::Builtin(Builtin::LocalIndex) => Range { low: 0, high: lanes - 1 },
            Op::Builtin(Builtin::SubgroupInvocationId) => Range { low: 0, high: 7 },
            Op::Builtin(Builtin::SubgroupId) => Range { low: 0, high: (lanes - 1) / 8 },
            Op::Load(address) => self.load(address),
            Op::Unary(Unary::CountOnes | Unary::CountLeadingZeros | Unary::CountTrailingZeros, _) => {
                Range { low: 0, high: 32 }
            }
            Op::Convert(a) if self.program.ty(*a) == Type::Bool => Range { low: 0, high: 1 },
            Op::Bitcast(a) if !self.program.ty(*a).is_float() && !def.ty.is_float() => self.of(*a),
            Op::Select { accept, reject, .. } => self.of(*accept).join(self.of(*reject)),
            Op::Binary(op, a, b) if !self.program.ty(*a).is_float() => self.binary(*op, *a, *b),
            _ => FULL,
        }
    }

    /// What a table holds.
    fn load(&self, address: &crate::ir::Address) -> Range {
        let memory = self.program.memory(address.mem);
        match memory.space {
            // Out of bounds, a load gives zero.
            Space::Constant => Range { low: 0, high: memory.data.iter().copied().max().unwrap_or(0).into() },
            _ => FULL,
        }
    }

    fn binary(&self, op: Binary, a: Value, b: Value) -> Range {
        let (x, y) = (self.of(a), self.of(b));
        if op == Binary::And {
            return Range { low: 0, high: x.high.min(y.high) };
        }
        let signed = self.program.ty(a) == Type::I32;
        // Signed operations agree with unsigned ones on what is not negative.
        if signed && (x.high > i32::MAX as u64 || y.high > i32::MAX as u64) {
            return FULL;
        }
        let by = |r: Range| (r.low == r.high).then_some(r.low & 31);
        match op {
            Binary::Add => Range::fits(x.low.checked_add(y.low), x.high.checked_add(y.high)),
            Binary::Sub => Range::fits(x.low.checked_sub(y.high), x.high.checked_sub(y.low)),
            Binary::Mul => Range::fits(x.low.checked_mul(y.low), x.high.checked_mul(y.high)),
            Binary::Shl => match by(y) {
                Some(by) => Range::fits(Some(x.low << by), Some(x.high << by)),
                None => FULL,
            },
            Binary::Shr => match by(y) {
                Some(by) => Range { low: x.low >> by, high: x.high >> by },
                None => Range { low: 0, high: x.high },
            },
            Binary::Or | Binary::Xor => {
                let bits = 64 - (x.high | y.high).leading_zeros();
                Range { low: 0, high: (1u64 << bits) - 1 }
            }
            Binary::Min => Range { low: x.low.min(y.low), high: x.high.min(y.high) },
            Binary::Max => Range { low: x.low.max(y.low), high: x.high.max(y.high) },
            Binary::Div if y.low > 0 => Range { low: x.low / y.high, high: x.high / y.low },
            Binary::Rem if y.low > 0 => Range { low: 0, high: x.high.min(y.high - 1) },
            Binary::Div | Binary::Rem => Range { low: 0, high: x.high },
            _ => FULL,
        }
    }
}

/// How a loop counts: `loop (i = first) { if i < end {} else { break }; ...; next i + step }`.
pub fn count(program: &Program, params: &[Value], inits: &[Value], body: &Block) -> Option<Count> {
    let constant = |v: Value| match program.def(v).op {
        Op::Const(bits) => Some(u64::from(bits)),
        _ => None,
    };
    let End::Yield(next) = &body.end else { return None };
    // In front of the test nothing may happen, and it is the only one that the count is for.
    let test = body.stmts.iter().find(|stmt| !matches!(stmt, Stmt::Let(v) if is_arithmetic(program, *v)))?;
    let Stmt::If { cond, accept, reject, results } = test else { return None };
    let goes_on = accept.stmts.is_empty() && matches!(accept.end, End::Yield(_)) && results.is_empty();
    if !goes_on || !reject.stmts.is_empty() || !matches!(reject.end, End::Break(..)) {
        return None;
    }
    let Op::Binary(Binary::Lt, counter, end) = program.def(*cond).op else { return None };
    let end = constant(end)?;
    let param = params.iter().position(|&p| p == counter)?;
    let first = constant(inits[param])?;
    let Op::Binary(Binary::Add, a, step) = program.def(next[param]).op else { return None };
    let step = constant(step).filter(|&step| step > 0)?;
    let limit = if program.ty(counter) == Type::I32 { i32::MAX as u64 } else { u32::MAX as u64 };
    if a != counter || first > limit || end > limit || end.checked_add(step)? > limit {
        return None;
    }
    let trips = end.saturating_sub(first).div_ceil(step);
    Some(Count { param, first, step, trips })
}

fn is_arithmetic(program: &Program, value: Value) -> bool {
    !matches!(
        program.def(value).op,
        Op::Load(_) | Op::UniformLoad(_) | Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) | Op::Phi
    )
}
