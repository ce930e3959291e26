//! How many vector registers a region needs, to tell how many rows it can handle at once.

use rustc_hash::FxHashMap;

use crate::{
    exec::cpu::jit::shape::Shape,
    ir::{Block, End, Op, Program, Stmt, Uniformity, Value},
};

/// Vector registers that values may take; the rest is for what one instruction needs.
const REGISTERS: usize = 14;
/// Rows times statements of a region, at most: more would only fill the instruction cache.
const MAX_STATEMENTS: usize = 600;

/// The most rows whose values fit in registers.
pub fn rows(program: &Program, shapes: &[Shape], stmts: &[&Stmt]) -> usize {
    let mut lives = Lives { program, shapes, at: 0, spans: FxHashMap::default() };
    stmts.iter().for_each(|stmt| lives.statement(stmt));
    let statements = lives.at.max(1);
    let mut changes: Vec<(usize, i32)> = Vec::new();
    for &(from, to) in lives.spans.values() {
        changes.extend([(from, 1), (to + 1, -1)]);
    }
    changes.sort_unstable();
    let (mut alive, mut most) = (0i32, 0i32);
    for (_, change) in changes {
        alive += change;
        most = most.max(alive);
    }
    (REGISTERS / (most as usize).max(1)).min(MAX_STATEMENTS / statements)
}

struct Lives<'a> {
    program: &'a Program,
    shapes: &'a [Shape],
    at: usize,
    /// From the definition to the last use.
    spans: FxHashMap<Value, (usize, usize)>,
}

impl Lives<'_> {
    fn is_row(&self, value: Value) -> bool {
        let def = self.program.def(value);
        let scalar = !def.ty.is_float() && self.shapes[value.0 as usize] != Shape::Any;
        def.uniformity == Uniformity::Varying && !scalar && !matches!(def.op, Op::Const(_))
    }

    fn define(&mut self, value: Value) {
        if self.is_row(value) {
            self.spans.entry(value).or_insert((self.at, self.at));
        }
    }

    fn use_at(&mut self, value: Value, at: usize) {
        if self.is_row(value) {
            let span = self.spans.entry(value).or_insert((0, at));
            span.1 = span.1.max(at);
        }
    }

    fn statement(&mut self, stmt: &Stmt) {
        self.at += 1;
        let at = self.at;
        match stmt {
            Stmt::Let(value) => {
                let program = self.program;
                program.def(*value).op.visit_operands(&mut |v| self.use_at(v, at));
                self.define(*value);
            }
            Stmt::Store { address, value } => {
                address.terms.iter().for_each(|t| self.use_at(t.index, at));
                self.use_at(*value, at);
            }
            Stmt::Clear(_) | Stmt::Barrier(_) => {}
            Stmt::If { cond, accept, reject, results } => {
                self.use_at(*cond, at);
                self.block(accept);
                self.block(reject);
                results.iter().for_each(|&r| self.define(r));
            }
            Stmt::Loop { params, inits, body, results, .. } => {
                inits.iter().for_each(|&v| self.use_at(v, at));
                params.iter().for_each(|&p| self.define(p));
                self.repeated(body, params);
                results.iter().for_each(|&r| self.define(r));
            }
            Stmt::Scope { body, results, .. } => {
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
        outside.extend(self.spans.iter().filter(|(_, span)| span.0 <= start && span.1 > start).map(|(&v, _)| v));
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
    }
}
