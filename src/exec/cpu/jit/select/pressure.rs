//! How many vector registers a region needs, to tell how many rows it can handle at once.

use rustc_hash::FxHashMap;

use super::{MAX_ROWS, Selector, loops::count_statements};
use crate::ir::{Block, End, Op, Stmt, Uniformity, Value};

/// Vector registers that values may take; the rest is for what one instruction needs.
const REGISTERS: usize = 14;
/// Rows times statements of a region, at most: more would only fill the instruction cache.
const MAX_STATEMENTS: usize = 600;

/// Statements of a loop that counts as short.
const SHORT_LOOP: u64 = 40;

/// The most rows whose values fit in registers.
///
/// Within a run of plain statements code handles one row after the other, so that what lives and dies there needs
/// registers for one row only.
pub fn rows(selector: &Selector<'_>, stmts: &[&Stmt]) -> usize {
    let mut live = LiveRanges { selector, at: 0, run: 0, masked: false, ranges: FxHashMap::default() };
    stmts.iter().for_each(|stmt| live.statement(stmt));
    let statements = live.at.max(1);
    let most = |short: bool| {
        let ranges = live.ranges.values().filter(|range| range.short == short && !(live.masked && range.live_through));
        let mut changes: Vec<(usize, i32)> =
            ranges.flat_map(|range| [(range.from, 1), (range.to.max(range.from + 1), -1)]).collect();
        changes.sort_unstable();
        let (mut alive, mut most) = (0i32, 0i32);
        for (_, change) in changes {
            alive += change;
            most = most.max(alive);
        }
        most as usize
    };
    let (long, short) = (most(false), most(true));
    let long = long + usize::from(live.masked);
    let room = REGISTERS.saturating_sub(short) / long.max(1);
    room.min(MAX_STATEMENTS / statements).clamp(1, MAX_ROWS)
}

/// The live range of a value, from its definition to its last use; short if all of it lies within one run.
struct LiveRange {
    from: usize,
    to: usize,
    run: usize,
    short: bool,
    /// It comes from in front of a loop that uses it, and so is live through all iterations.
    live_through: bool,
}

struct LiveRanges<'a, 's> {
    selector: &'a Selector<'s>,
    at: usize,
    run: usize,
    /// Whether there is a short loop that lanes leave one by one. Such a loop is bound by latency, and gains from
    /// several rows even if values that it only reads are spilled.
    masked: bool,
    ranges: FxHashMap<Value, LiveRange>,
}

impl LiveRanges<'_, '_> {
    fn is_row(&self, value: Value) -> bool {
        let def = self.selector.program.def(value);
        def.uniformity == Uniformity::Varying && !self.selector.is_scalar(value) && !matches!(def.op, Op::Const(_))
    }

    fn define(&mut self, value: Value) {
        if self.is_row(value) {
            let (at, run) = (self.at, self.run);
            self.ranges.entry(value).or_insert(LiveRange { from: at, to: at, run, short: true, live_through: false });
        }
    }

    fn use_at(&mut self, value: Value, at: usize) {
        if self.is_row(value) {
            let run = self.run;
            let range = self.ranges.entry(value).or_insert(LiveRange {
                from: 0,
                to: at,
                run: usize::MAX,
                short: false,
                live_through: false,
            });
            range.to = range.to.max(at);
            range.short &= range.run == run;
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
            Stmt::Loop { label, params, inits, body, results } => {
                let divergent = self.selector.program.exits[label.0 as usize] == Uniformity::Varying;
                self.masked |= divergent && count_statements(body) <= SHORT_LOOP;
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

    /// A loop's body: what comes from outside is live until the loop's end, since the next iteration uses it too.
    fn repeated(&mut self, body: &Block, params: &[Value]) {
        let start = self.at;
        let mut outside: Vec<Value> = params.to_vec();
        self.block(body);
        for (&value, range) in &mut self.ranges {
            if range.from <= start && range.to > start && !params.contains(&value) {
                range.live_through = true;
                outside.push(value);
            }
        }
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
