//! How many vector registers a region needs, to tell how many rows it can handle at once.

use rustc_hash::FxHashMap;

use super::{MAX_ROWS, Selector};
use crate::ir::{Block, End, Op, Stmt, Uniformity, Value};

/// Vector registers that values may take; the rest is for what one instruction needs.
const REGISTERS: usize = 14;
/// Rows times statements of a region, at most: more would only fill the instruction cache.
const MAX_STATEMENTS: usize = 600;

/// The most rows whose values fit in registers.
///
/// Within a run of plain statements code handles one row after the other, so that what lives and dies there needs
/// registers for one row only.
pub fn rows(selector: &Selector<'_>, stmts: &[&Stmt]) -> usize {
    let mut lives = Lives { selector, at: 0, run: 0, spans: FxHashMap::default() };
    stmts.iter().for_each(|stmt| lives.statement(stmt));
    let statements = lives.at.max(1);
    let most = |short: bool| {
        let spans = lives.spans.values().filter(|span| span.short == short);
        let mut changes: Vec<(usize, i32)> = spans.flat_map(|span| [(span.from, 1), (span.to + 1, -1)]).collect();
        changes.sort_unstable();
        let (mut alive, mut most) = (0i32, 0i32);
        for (_, change) in changes {
            alive += change;
            most = most.max(alive);
        }
        most as usize
    };
    let (long, short) = (most(false), most(true));
    let room = REGISTERS.saturating_sub(short) / long.max(1);
    room.min(MAX_STATEMENTS / statements).clamp(1, MAX_ROWS)
}

/// From the definition to the last use of a value; short if all within one run.
struct Life {
    from: usize,
    to: usize,
    run: usize,
    short: bool,
}

struct Lives<'a, 's> {
    selector: &'a Selector<'s>,
    at: usize,
    run: usize,
    spans: FxHashMap<Value, Life>,
}

impl Lives<'_, '_> {
    fn is_row(&self, value: Value) -> bool {
        let def = self.selector.program.def(value);
        def.uniformity == Uniformity::Varying && !self.selector.is_scalar(value) && !matches!(def.op, Op::Const(_))
    }

    fn define(&mut self, value: Value) {
        if self.is_row(value) {
            let (at, run) = (self.at, self.run);
            self.spans.entry(value).or_insert(Life { from: at, to: at, run, short: true });
        }
    }

    fn use_at(&mut self, value: Value, at: usize) {
        if self.is_row(value) {
            let run = self.run;
            let life = self.spans.entry(value).or_insert(Life { from: 0, to: at, run: usize::MAX, short: false });
            life.to = life.to.max(at);
            life.short &= life.run == run;
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        self.at += 1;
        let at = self.at;
        match stmt {
            Stmt::Let(value) => {
                let program = self.selector.program;
                program.def(*value).op.visit_operands(&mut |v| self.use_at(v, at));
                if !matches!(program.def(*value).op, Op::Load(_) | Op::UniformLoad(_))
                    && !self.selector.is_plain(*value)
                {
                    self.run += 1;
                }
                self.define(*value);
            }
            Stmt::Store { address, value } => {
                address.terms.iter().for_each(|t| self.use_at(t.index, at));
                self.run += 1;
                self.use_at(*value, at);
            }
            Stmt::Clear(_) | Stmt::Barrier(_) => {}
            Stmt::If { cond, accept, reject, results } => {
                self.use_at(*cond, at);
                self.run += 1;
                self.block(accept);
                self.block(reject);
                results.iter().for_each(|&r| self.define(r));
            }
            Stmt::Loop { params, inits, body, results, .. } => {
                inits.iter().for_each(|&v| self.use_at(v, at));
                params.iter().for_each(|&p| self.define(p));
                self.run += 1;
                self.repeated(body, params);
                results.iter().for_each(|&r| self.define(r));
            }
            Stmt::Scope { body, results, .. } => {
                self.run += 1;
                self.block(body);
                results.iter().for_each(|&r| self.define(r));
            }
        }
    }

    /// A loop's body: what comes from outside is needed until the end, over and over.
    fn repeated(&mut self, body: &Block, params: &[Value]) {
        let start = self.at;
        let mut outside: Vec<Value> = params.to_vec();
        self.block(body);
        outside.extend(self.spans.iter().filter(|(_, life)| life.from <= start && life.to > start).map(|(&v, _)| v));
        let end = self.at;
        outside.into_iter().for_each(|v| self.use_at(v, end));
    }

    fn block(&mut self, block: &Block) {
        block.stmts.iter().for_each(|stmt| self.statement(stmt));
        self.at += 1;
        let at = self.at;
        if let End::Yield(values) | End::Break(_, values) = &block.end {
            values.iter().for_each(|&v| self.use_at(v, at));
        }
        self.run += 1;
    }
}
