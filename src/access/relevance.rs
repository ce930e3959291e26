//! Which values bear on an address or on which way control goes: the others need no form.

use rustc_hash::FxHashMap;

use crate::ir::{Address, Block, End, Label, Op, Program, Stmt, Value};

/// For each value of the program, whether it matters.
pub fn relevant(program: &Program) -> Vec<bool> {
    let mut search = Search {
        program,
        relevant: vec![false; program.values.len()],
        work: Vec::new(),
        incoming: FxHashMap::default(),
        labels: Vec::new(),
    };
    search.block(&program.body, None);
    while let Some(value) = search.work.pop() {
        let def = program.def(value);
        if let Some(incoming) = search.incoming.get(&value) {
            incoming.clone().into_iter().for_each(|v| search.include(v));
        }
        if !def.ty.is_float() {
            def.op.visit_operands(&mut |v| search.include(v));
        }
    }
    search.relevant
}

struct Search<'a> {
    program: &'a Program,
    relevant: Vec<bool>,
    work: Vec<Value>,
    /// The values that flow into results and parameters.
    incoming: FxHashMap<Value, Vec<Value>>,
    labels: Vec<(Label, &'a [Value])>,
}

impl<'a> Search<'a> {
    fn include(&mut self, value: Value) {
        let seen = &mut self.relevant[value.0 as usize];
        if !std::mem::replace(seen, true) && !self.program.ty(value).is_float() {
            self.work.push(value);
        }
    }

    fn address(&mut self, address: &Address) {
        address.terms.iter().for_each(|term| self.include(term.index));
    }

    fn flow(&mut self, into: &[Value], from: &[Value]) {
        for (&phi, &value) in into.iter().zip(from) {
            self.incoming.entry(phi).or_default().push(value);
        }
    }

    fn block(&mut self, block: &'a Block, yields: Option<&'a [Value]>) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::Let(value) => match &self.program.def(*value).op {
                    Op::Load(address) | Op::UniformLoad(address) => self.address(address),
                    Op::Atomic(atomic) => self.address(&atomic.address),
                    _ => {}
                },
                Stmt::Store { address, .. } => self.address(address),
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { cond, accept, reject, results } => {
                    self.include(*cond);
                    self.block(accept, Some(results));
                    self.block(reject, Some(results));
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    self.flow(params, inits);
                    self.labels.push((*label, results));
                    self.block(body, Some(params));
                    self.labels.pop();
                }
                Stmt::Scope { label, body, results } => {
                    self.labels.push((*label, results));
                    self.block(body, Some(results));
                    self.labels.pop();
                }
            }
        }
        match &block.end {
            End::Yield(values) => self.flow(yields.unwrap_or_default(), values),
            End::Break(label, values) => {
                let results = self.labels.iter().rev().find(|(l, _)| l == label).map_or(&[][..], |(_, r)| *r);
                self.flow(results, values);
            }
            End::Return | End::Unreachable => {}
        }
    }
}
