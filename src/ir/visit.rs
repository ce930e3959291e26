//! Walks over the parts of a program.

use super::{AccessId, Address, Block, End, Op, Program, Stmt, Value};

impl Program {
    /// Numbers the accesses of the body in the order of the text.
    pub fn number_accesses(&mut self) {
        let mut next = 0;
        let mut number = |address: &mut Address| {
            address.id = AccessId(next);
            next += 1;
        };
        let values = &mut self.values;
        self.body.visit_accesses_mut(&mut |place| match place {
            AccessPlace::Store(address) => number(address),
            AccessPlace::Value(value) => match &mut values[value.0 as usize].op {
                Op::Load(address) | Op::UniformLoad(address) => number(address),
                Op::Atomic(atomic) => number(&mut atomic.address),
                _ => {}
            },
        });
        self.accesses = next;
    }
}

/// Where an address may stand.
enum AccessPlace<'a> {
    Store(&'a mut Address),
    /// In the definition of a value, if that reads memory.
    Value(Value),
}

impl Op {
    /// Calls `visit` with each operand.
    pub fn visit_operands(&self, visit: &mut impl FnMut(Value)) {
        match self {
            Op::Const(_) | Op::Builtin(_) | Op::ArrayLength(_) | Op::Phi => {}
            Op::Unary(_, a) | Op::Convert(a) | Op::Bitcast(a) | Op::Subgroup(_, a) => visit(*a),
            Op::Binary(_, a, b) | Op::Shuffle(a, b) => {
                visit(*a);
                visit(*b);
            }
            Op::Fma(a, b, c) | Op::Select { cond: a, accept: b, reject: c } => {
                visit(*a);
                visit(*b);
                visit(*c);
            }
            Op::Load(address) | Op::UniformLoad(address) => address.terms.iter().for_each(|t| visit(t.index)),
            Op::Atomic(atomic) => {
                atomic.address.terms.iter().for_each(|t| visit(t.index));
                visit(atomic.value);
                atomic.compare.iter().for_each(|&v| visit(v));
            }
        }
    }

    /// Calls `map` on each operand in place.
    pub fn map_operands(&mut self, map: &mut impl FnMut(&mut Value)) {
        match self {
            Op::Const(_) | Op::Builtin(_) | Op::ArrayLength(_) | Op::Phi => {}
            Op::Unary(_, a) | Op::Convert(a) | Op::Bitcast(a) | Op::Subgroup(_, a) => map(a),
            Op::Binary(_, a, b) | Op::Shuffle(a, b) => {
                map(a);
                map(b);
            }
            Op::Fma(a, b, c) | Op::Select { cond: a, accept: b, reject: c } => {
                map(a);
                map(b);
                map(c);
            }
            Op::Load(address) | Op::UniformLoad(address) => address.map_values(map),
            Op::Atomic(atomic) => {
                atomic.address.map_values(map);
                map(&mut atomic.value);
                atomic.compare.iter_mut().for_each(map);
            }
        }
    }
}

impl Address {
    fn map_values(&mut self, map: &mut impl FnMut(&mut Value)) {
        self.terms.iter_mut().for_each(|t| map(&mut t.index));
    }
}

impl Block {
    /// Calls `map` on every use and definition of a value in statements and ends (not in the
    /// operands of operations, which the program's table holds).
    pub fn map_values(&mut self, map: &mut impl FnMut(&mut Value)) {
        for stmt in &mut self.stmts {
            match stmt {
                Stmt::Let(v) => map(v),
                Stmt::Store { address, value } => {
                    address.map_values(map);
                    map(value);
                }
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { cond, accept, reject, results } => {
                    map(cond);
                    accept.map_values(map);
                    reject.map_values(map);
                    results.iter_mut().for_each(&mut *map);
                }
                Stmt::Loop { params, inits, body, results, .. } => {
                    params.iter_mut().for_each(&mut *map);
                    inits.iter_mut().for_each(&mut *map);
                    body.map_values(map);
                    results.iter_mut().for_each(&mut *map);
                }
                Stmt::Scope { body, results, .. } => {
                    body.map_values(map);
                    results.iter_mut().for_each(&mut *map);
                }
            }
        }
        match &mut self.end {
            End::Yield(values) | End::Break(_, values) => values.iter_mut().for_each(map),
            End::Return | End::Unreachable => {}
        }
    }

    fn visit_accesses_mut(&mut self, visit: &mut impl FnMut(AccessPlace<'_>)) {
        for stmt in &mut self.stmts {
            match stmt {
                Stmt::Let(value) => visit(AccessPlace::Value(*value)),
                Stmt::Store { address, .. } => visit(AccessPlace::Store(address)),
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { accept, reject, .. } => {
                    accept.visit_accesses_mut(visit);
                    reject.visit_accesses_mut(visit);
                }
                Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => body.visit_accesses_mut(visit),
            }
        }
    }

    /// Calls `visit` with the end of this block and of every block in it.
    pub fn visit_ends<'a>(&'a self, visit: &mut impl FnMut(&'a End)) {
        for stmt in &self.stmts {
            match stmt {
                Stmt::If { accept, reject, .. } => {
                    accept.visit_ends(visit);
                    reject.visit_ends(visit);
                }
                Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => body.visit_ends(visit),
                Stmt::Let(_) | Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
        visit(&self.end);
    }

    /// Calls `visit` with every value that the block or a block in it defines.
    pub fn visit_definitions(&self, visit: &mut impl FnMut(Value)) {
        for stmt in &self.stmts {
            match stmt {
                Stmt::Let(v) => visit(*v),
                Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { accept, reject, results, .. } => {
                    accept.visit_definitions(visit);
                    reject.visit_definitions(visit);
                    results.iter().for_each(|&r| visit(r));
                }
                Stmt::Loop { params, body, results, .. } => {
                    params.iter().for_each(|&p| visit(p));
                    body.visit_definitions(visit);
                    results.iter().for_each(|&r| visit(r));
                }
                Stmt::Scope { body, results, .. } => {
                    body.visit_definitions(visit);
                    results.iter().for_each(|&r| visit(r));
                }
            }
        }
    }
}
