//! Which values are the same over a workgroup or a dispatch, and whether barriers are reached by all.
//!
//! A value is as uniform as its operands; where control joins, also as uniform as the conditions
//! that decided the way. The analysis starts from "all uniform" and raises until nothing changes.
//! A lane that returned has left for good: it does not make the rest divergent.

use std::mem;

use naga::Span;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Address, Block, Builtin, End, Label, Op, Program, Stmt, Uniformity, Value};

/// A barrier that some lanes of a workgroup may not reach.
#[derive(Debug)]
pub struct DivergentBarrier {
    pub span: Span,
    pub message: String,
}

/// Fills in the uniformity of all values.
///
/// # Errors
///
/// The first barrier under a condition that varies.
pub fn analyse(program: &mut Program) -> Result<(), DivergentBarrier> {
    analyse_with(program, &FxHashSet::default(), Addresses::Same)
}

/// Which loads can be made the same for a workgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Those at addresses that are.
    Same,
    /// All: that lanes with addresses of their own read the same shows when they do.
    Any,
}

/// As [`analyse`], as if the loads in `read_once` were the same for a workgroup where their `addresses` allow it.
pub fn analyse_with(
    program: &mut Program,
    read_once: &FxHashSet<Value>,
    addresses: Addresses,
) -> Result<(), DivergentBarrier> {
    let mut analysis = Analysis {
        levels: vec![Uniformity::Dispatch; program.values.len()],
        exits: vec![Uniformity::Dispatch; program.labels as usize],
        beyond: FxHashMap::default(),
        program,
        read_once,
        addresses,
        around: Vec::new(),
        changed: true,
        divergent_barrier: None,
    };
    while analysis.changed {
        analysis.changed = false;
        analysis.divergent_barrier = None;
        analysis.block(&analysis.program.body, Join::None);
    }
    let Analysis { levels, exits, divergent_barrier, .. } = analysis;
    program.exits = exits;
    for (def, level) in program.values.iter_mut().zip(levels) {
        def.uniformity = level;
    }
    match divergent_barrier {
        None => Ok(()),
        Some(span) => Err(DivergentBarrier {
            span,
            message: "not all invocations of a workgroup reach this barrier: the condition around it, or around a \
                      `break` or `continue` before it, differs between them"
                .into(),
        }),
    }
}

/// What a block's yielded values are joined into.
#[derive(Clone, Copy)]
enum Join<'a> {
    None,
    Values(&'a [Value], Uniformity),
}

/// A construct around the current statement.
#[derive(Clone, Copy)]
enum Enclosing {
    /// A branch, with the uniformity of its condition.
    Branch(Uniformity),
    /// A loop or scope, with the least uniform condition under which lanes have left for its end so far.
    Label(Label, Uniformity),
}

struct Analysis<'a> {
    program: &'a Program,
    read_once: &'a FxHashSet<Value>,
    addresses: Addresses,
    levels: Vec<Uniformity>,
    /// For each label, the least uniform condition that decided an exit to it.
    exits: Vec<Uniformity>,
    /// The same for exits from within a loop to a label around it, by both labels.
    beyond: FxHashMap<(Label, Label), Uniformity>,
    around: Vec<Enclosing>,
    changed: bool,
    divergent_barrier: Option<Span>,
}

impl<'a> Analysis<'a> {
    fn level(&self, value: Value) -> Uniformity {
        self.levels[value.0 as usize]
    }

    fn raise(&mut self, value: Value, level: Uniformity) {
        let old = &mut self.levels[value.0 as usize];
        if *old < level {
            *old = level;
            self.changed = true;
        }
    }

    fn join(&mut self, into: &[Value], from: &[Value], level: Uniformity) {
        for (&phi, &value) in into.iter().zip(from) {
            self.raise(phi, self.level(value).max(level));
        }
    }

    fn block(&mut self, block: &'a Block, join: Join<'_>) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
        match &block.end {
            End::Yield(values) => {
                if let Join::Values(into, level) = join {
                    self.join(into, values, level);
                }
            }
            End::Break(label, _) => self.leave(*label),
            End::Return | End::Unreachable => {}
        }
    }

    /// Whether some lanes of the workgroup may not come here.
    fn is_divergent(&self) -> bool {
        let varies = |a: &Enclosing| {
            matches!(a, Enclosing::Branch(Uniformity::Varying) | Enclosing::Label(_, Uniformity::Varying))
        };
        self.around.iter().any(varies)
    }

    /// Notes an exit to `label` under the conditions around it.
    fn leave(&mut self, label: Label) {
        let mut level = Uniformity::Dispatch;
        for around in self.around.iter_mut().rev() {
            match around {
                Enclosing::Branch(cond) => level = level.max(*cond),
                Enclosing::Label(l, exits) if *l == label => {
                    *exits = (*exits).max(level);
                    break;
                }
                // Lanes that left for the end of an inner construct are not on this way out.
                Enclosing::Label(_, exits) => level = level.max(*exits),
            }
        }
        let exits = &mut self.exits[label.0 as usize];
        if *exits < level {
            *exits = level;
            self.changed = true;
        }
        for around in self.around.iter().rev() {
            match around {
                Enclosing::Label(l, _) if *l == label => break,
                Enclosing::Label(l, _) => {
                    let beyond = self.beyond.entry((*l, label)).or_insert(Uniformity::Dispatch);
                    if *beyond < level {
                        *beyond = level;
                        self.changed = true;
                    }
                }
                Enclosing::Branch(_) => {}
            }
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Let(value) => {
                let level = match &self.program.def(*value).op {
                    Op::Load(address) if self.read_once.contains(value) && !self.is_divergent() => {
                        match self.addresses {
                            Addresses::Same => self.address(address).max(Uniformity::Workgroup),
                            Addresses::Any => Uniformity::Workgroup,
                        }
                    }
                    op => self.op(op),
                };
                self.raise(*value, level);
            }
            Stmt::Store { .. } | Stmt::Clear(_) => {}
            Stmt::Barrier(origin) => {
                if self.divergent_barrier.is_none() && self.is_divergent() {
                    self.divergent_barrier = Some(origin.span);
                }
            }
            Stmt::If { cond, accept, reject, results } => {
                let level = self.level(*cond);
                self.around.push(Enclosing::Branch(level));
                // Lanes that leave in one arm are not missed in the other: where a barrier stands, all take the same arm.
                let before = self.around.clone();
                self.block(accept, Join::Values(results, level));
                let accepted = mem::replace(&mut self.around, before);
                self.block(reject, Join::Values(results, level));
                for (around, accepted) in self.around.iter_mut().zip(accepted) {
                    if let (Enclosing::Label(_, exits), Enclosing::Label(_, others)) = (around, accepted) {
                        *exits = (*exits).max(others);
                    }
                }
                self.around.pop();
            }
            Stmt::Loop { label, params, inits, body, results } => {
                self.join(params, inits, Uniformity::Dispatch);
                // Lanes that left in an earlier iteration are missing from the first statement on.
                for around in &mut self.around {
                    if let Enclosing::Label(outer, exits) = around
                        && let Some(&beyond) = self.beyond.get(&(*label, *outer))
                    {
                        *exits = (*exits).max(beyond);
                    }
                }
                self.around.push(Enclosing::Label(*label, self.exits[label.0 as usize]));
                self.block(body, Join::Values(params, Uniformity::Dispatch));
                self.around.pop();
                self.exits(*label, body, results);
            }
            Stmt::Scope { label, body, results } => {
                self.around.push(Enclosing::Label(*label, Uniformity::Dispatch));
                self.block(body, Join::Values(results, Uniformity::Dispatch));
                self.around.pop();
                self.exits(*label, body, results);
            }
        }
    }

    /// Joins all that leaves for `label` into the results.
    fn exits(&mut self, label: Label, body: &Block, results: &[Value]) {
        if results.is_empty() {
            return;
        }
        let level = self.exits[label.0 as usize];
        let mut joined: Vec<Uniformity> = vec![level; results.len()];
        body.visit_ends(&mut |end| {
            if let End::Break(to, values) = end
                && *to == label
            {
                for (level, &value) in joined.iter_mut().zip(values) {
                    *level = (*level).max(self.levels[value.0 as usize]);
                }
            }
        });
        for (&result, level) in results.iter().zip(joined) {
            self.raise(result, level);
        }
    }

    fn address(&self, address: &Address) -> Uniformity {
        address.terms.iter().map(|t| self.level(t.index)).max().unwrap_or(Uniformity::Dispatch)
    }

    fn op(&self, op: &Op) -> Uniformity {
        match op {
            Op::Const(_) | Op::ArrayLength(_) | Op::Builtin(Builtin::NumWorkgroups(_)) => Uniformity::Dispatch,
            Op::Builtin(Builtin::WorkgroupId(_)) => Uniformity::Workgroup,
            Op::Builtin(_) => Uniformity::Varying,
            Op::Load(address) if self.program.memory(address.mem).is_immutable() => self.address(address),
            // Another lane may write between the reads of two lanes.
            Op::Load(_) | Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) => Uniformity::Varying,
            Op::UniformLoad(_) => Uniformity::Workgroup,
            Op::Phi => Uniformity::Dispatch,
            other => {
                let mut level = Uniformity::Dispatch;
                other.visit_operands(&mut |v| level = level.max(self.level(v)));
                level
            }
        }
    }
}
