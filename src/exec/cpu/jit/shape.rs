//! How a value differs between the eight lanes of a group.

use crate::ir::{Binary, Block, Builtin, End, Label, Op, Program, Stmt, Type, Uniformity, Value};

/// From the most to the least known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// The same in all lanes of a group.
    Same,
    /// Lane i has the first lane's value plus i, modulo 2^32.
    Linear,
    Any,
}

impl Shape {
    fn join(self, other: Shape) -> Shape {
        if self == other { self } else { Shape::Any }
    }
}

/// The shapes of all values, by [`Value`].
pub fn shapes(program: &Program) -> Vec<Shape> {
    let mut analysis = Analysis {
        program,
        // None: not reached yet.
        shapes: vec![None; program.values.len()],
        rows: program.workgroup_size[0].is_multiple_of(8),
        line: program.workgroup_size[1] == 1 && program.workgroup_size[2] == 1,
        changed: true,
    };
    while analysis.changed {
        analysis.changed = false;
        analysis.block(&program.body, None, &mut Vec::new());
    }
    analysis.shapes.into_iter().map(|s| s.unwrap_or(Shape::Any)).collect()
}

struct Analysis<'a> {
    program: &'a Program,
    shapes: Vec<Option<Shape>>,
    /// A group of lanes lies within one row of the workgroup; the workgroup is one row.
    rows: bool,
    line: bool,
    changed: bool,
}

impl<'a> Analysis<'a> {
    fn shape(&self, value: Value) -> Option<Shape> {
        if self.program.def(value).uniformity < Uniformity::Varying {
            return Some(Shape::Same);
        }
        self.shapes[value.0 as usize]
    }

    fn set(&mut self, value: Value, shape: Option<Shape>) {
        let old = self.shapes[value.0 as usize];
        let new = match (old, shape) {
            (Some(old), Some(new)) => Some(old.join(new)),
            (old, new) => old.or(new),
        };
        if new != old {
            self.shapes[value.0 as usize] = new;
            self.changed = true;
        }
    }

    fn join(&mut self, into: &[Value], from: &[Value], varying: bool) {
        for (&phi, &value) in into.iter().zip(from) {
            let shape = if varying { Some(Shape::Any) } else { self.shape(value) };
            self.set(phi, shape);
        }
    }

    fn block(&mut self, block: &'a Block, yields: Option<(&'a [Value], bool)>, labels: &mut Vec<(Label, &'a [Value])>) {
        for stmt in &block.stmts {
            match stmt {
                Stmt::Let(value) => {
                    let shape = self.op(*value);
                    self.set(*value, shape);
                }
                Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
                Stmt::If { cond, accept, reject, results } => {
                    let split = self.program.def(*cond).uniformity == Uniformity::Varying;
                    self.block(accept, Some((results, split)), labels);
                    self.block(reject, Some((results, split)), labels);
                }
                Stmt::Loop { label, params, inits, body, results } => {
                    self.join(params, inits, false);
                    labels.push((*label, results));
                    self.block(body, Some((params, false)), labels);
                    labels.pop();
                }
                Stmt::Scope { label, body, results } => {
                    labels.push((*label, results));
                    let split = self.program.exits[label.0 as usize] == Uniformity::Varying;
                    self.block(body, Some((results, split)), labels);
                    labels.pop();
                }
            }
        }
        match &block.end {
            End::Yield(values) => {
                if let Some((into, split)) = yields {
                    self.join(into, values, split);
                }
            }
            End::Break(label, values) => {
                let into = labels.iter().rev().find(|(l, _)| l == label).map(|(_, r)| *r);
                let split = self.program.exits[label.0 as usize] == Uniformity::Varying;
                self.join(into.unwrap_or_default(), values, split);
            }
            End::Return | End::Unreachable => {}
        }
    }

    /// `None` while an operand is not reached.
    fn op(&self, value: Value) -> Option<Shape> {
        let def = self.program.def(value);
        Some(match &def.op {
            Op::Builtin(builtin) => match builtin {
                Builtin::LocalIndex => Shape::Linear,
                Builtin::GlobalId(0) | Builtin::LocalId(0) if self.rows || self.line => Shape::Linear,
                Builtin::GlobalId(1 | 2) | Builtin::LocalId(1 | 2) if self.rows || self.line => Shape::Same,
                Builtin::SubgroupId => Shape::Same,
                Builtin::SubgroupInvocationId => Shape::Linear,
                _ => Shape::Any,
            },
            Op::Binary(op, a, b) => {
                let (a, b) = (self.shape(*a)?, self.shape(*b)?);
                let integer = matches!(def.ty, Type::I32 | Type::U32);
                match (op, a, b) {
                    (_, Shape::Same, Shape::Same) => Shape::Same,
                    (Binary::Add, Shape::Same, Shape::Linear) if integer => Shape::Linear,
                    (Binary::Add | Binary::Sub, Shape::Linear, Shape::Same) if integer => Shape::Linear,
                    _ => Shape::Any,
                }
            }
            Op::Bitcast(a) => match (self.shape(*a)?, def.ty, self.program.ty(*a)) {
                (Shape::Linear, Type::F32, _) | (Shape::Linear, _, Type::F32) => Shape::Any,
                (shape, ..) => shape,
            },
            Op::Load(address) => {
                let mut same = true;
                for term in &address.terms {
                    same &= self.shape(term.index)? == Shape::Same;
                }
                // Private memory differs from lane to lane whatever the index.
                let private = matches!(self.program.memory(address.mem).space, crate::ir::Space::Private { .. });
                if same && !private { Shape::Same } else { Shape::Any }
            }
            Op::Atomic(_) | Op::Subgroup(..) => Shape::Any,
            Op::Phi => return self.shapes[value.0 as usize],
            other => {
                let (mut same, mut known) = (true, true);
                other.visit_operands(&mut |v| match self.shape(v) {
                    Some(shape) => same &= shape == Shape::Same,
                    None => known = false,
                });
                if !known {
                    return None;
                }
                if same { Shape::Same } else { Shape::Any }
            }
        })
    }
}
