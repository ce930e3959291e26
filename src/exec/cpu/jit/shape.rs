//! How a value differs between the eight lanes of a group.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ir::{Binary, Block, Builtin, End, Label, Op, Program, Space, Stmt, Type, Unary, Uniformity, Value};

/// From the most to the least known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneShape {
    /// Lane i has the first lane's value plus `i * step`, modulo 2^32; `aligned` if the first lane's is known to be a multiple
    /// of eight. With a step of zero, all lanes have the same value, of whatever type.
    Affine {
        step: i32,
        aligned: bool,
    },
    Any,
}

pub const SAME: LaneShape = LaneShape::Affine { step: 0, aligned: false };

impl LaneShape {
    fn join(self, other: LaneShape) -> LaneShape {
        match (self, other) {
            (LaneShape::Affine { step, aligned }, LaneShape::Affine { step: other, aligned: both })
                if step == other =>
            {
                LaneShape::Affine { step, aligned: aligned && both }
            }
            _ => LaneShape::Any,
        }
    }

    pub fn is_same(self) -> bool {
        matches!(self, LaneShape::Affine { step: 0, .. })
    }

    /// The step between lanes, if there is one.
    pub fn step(self) -> Option<i32> {
        match self {
            LaneShape::Affine { step, .. } => Some(step),
            LaneShape::Any => None,
        }
    }
}

/// What is taken for granted of a value in all lanes that a piece of code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assumed {
    /// The condition holds, or does not.
    Cond(bool),
    /// A minimum or maximum is this operand.
    Operand(Value),
}

pub type Assumptions = FxHashMap<Value, Assumed>;

/// The shapes of all values, by [`Value`].
pub fn shapes(program: &Program) -> Vec<LaneShape> {
    find(program, &Assumptions::default(), vec![None; program.values.len()], |_| true)
}

/// The shapes in a region's code where the assumptions hold: of what it defines and of what is assumed. Other values keep
/// the shapes that they have `outside`: they may have been computed where the assumptions did not hold, as what a loop
/// around the region carries on.
pub fn shapes_within(
    program: &Program,
    assumptions: &Assumptions,
    defined: &FxHashSet<Value>,
    outside: &[LaneShape],
) -> Vec<LaneShape> {
    let open = |value: Value| defined.contains(&value) || assumptions.contains_key(&value);
    let values = (0..).map(Value).zip(outside);
    let known = values.map(|(value, &shape)| (!open(value)).then_some(shape)).collect();
    find(program, assumptions, known, open)
}

/// The shapes of the `open` values; those of others are known.
fn find(
    program: &Program,
    assumptions: &Assumptions,
    known: Vec<Option<LaneShape>>,
    open: impl Fn(Value) -> bool,
) -> Vec<LaneShape> {
    let size = program.workgroup_size;
    let rows = size[0].is_multiple_of(8);
    let mut analysis = Analysis {
        program,
        assumptions,
        open: &open,
        // None: not reached yet.
        shapes: known,
        rows,
        lined_up: rows || (size[1] == 1 && size[2] == 1),
        changed: true,
    };
    while analysis.changed {
        analysis.changed = false;
        analysis.block(&program.body, None, &mut Vec::new());
    }
    analysis.shapes.into_iter().map(|s| s.unwrap_or(LaneShape::Any)).collect()
}

struct Analysis<'a> {
    program: &'a Program,
    assumptions: &'a Assumptions,
    open: &'a dyn Fn(Value) -> bool,
    shapes: Vec<Option<LaneShape>>,
    /// The rows of the workgroup are a number of lane groups each.
    rows: bool,
    /// A group of lanes lies within one row of the workgroup.
    lined_up: bool,
    changed: bool,
}

impl<'a> Analysis<'a> {
    fn shape(&self, value: Value) -> Option<LaneShape> {
        if self.program.def(value).uniformity < Uniformity::Varying {
            return Some(LaneShape::Affine { step: 0, aligned: self.multiple_of_eight(value) });
        }
        self.shapes[value.0 as usize]
    }

    /// Whether a uniform value is known to be a multiple of eight.
    fn multiple_of_eight(&self, value: Value) -> bool {
        let constant = |v: Value| match self.program.def(v).op {
            Op::Const(bits) => Some(bits),
            _ => None,
        };
        match self.program.def(value).op {
            Op::Const(bits) => bits.is_multiple_of(8),
            Op::Binary(Binary::Mul, a, b) => [a, b].into_iter().filter_map(constant).any(|c| c.is_multiple_of(8)),
            Op::Binary(Binary::Shl, _, b) => constant(b).is_some_and(|c| c & 31 >= 3),
            _ => false,
        }
    }

    fn set(&mut self, value: Value, shape: Option<LaneShape>) {
        if !(self.open)(value) {
            return;
        }
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
            let shape = if varying { Some(LaneShape::Any) } else { self.shape(value) };
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
                    if let Some(Assumed::Cond(holds)) = self.assumptions.get(cond) {
                        self.block(if *holds { accept } else { reject }, Some((results, false)), labels);
                        continue;
                    }
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
    fn op(&self, value: Value) -> Option<LaneShape> {
        let def = self.program.def(value);
        let integer = matches!(def.ty, Type::I32 | Type::U32);
        match self.assumptions.get(&value) {
            Some(Assumed::Cond(_)) => return Some(SAME),
            Some(Assumed::Operand(operand)) => return self.shape(*operand),
            None => {}
        }
        Some(match &def.op {
            Op::Builtin(builtin) => self.builtin(*builtin),
            Op::Binary(op, a, b) => {
                let (x, y) = (self.shape(*a)?, self.shape(*b)?);
                if integer { self.binary(*op, x, y, *b, def.ty) } else { same_if(x.is_same() && y.is_same()) }
            }
            Op::Unary(Unary::Neg, a) if integer => match self.shape(*a)? {
                LaneShape::Affine { step, aligned } => LaneShape::Affine { step: step.wrapping_neg(), aligned },
                LaneShape::Any => LaneShape::Any,
            },
            Op::Bitcast(a) => match (self.shape(*a)?, def.ty, self.program.ty(*a)) {
                (shape, Type::F32, _) | (shape, _, Type::F32) => same_if(shape.is_same()),
                (shape, ..) => shape,
            },
            Op::Select { cond, accept, reject } => match self.assumptions.get(cond) {
                Some(Assumed::Cond(holds)) => self.shape(if *holds { *accept } else { *reject })?,
                _ => {
                    let (c, x, y) = (self.shape(*cond)?, self.shape(*accept)?, self.shape(*reject)?);
                    if c.is_same() { x.join(y) } else { LaneShape::Any }
                }
            },
            Op::Load(address) => {
                let mut same = true;
                for term in &address.terms {
                    same &= self.shape(term.index)?.is_same();
                }
                // Private memory differs from lane to lane whatever the index.
                let private = matches!(self.program.memory(address.mem).space, Space::Private { .. });
                same_if(same && !private)
            }
            Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) => LaneShape::Any,
            Op::Phi => return self.shapes[value.0 as usize],
            other => {
                let (mut same, mut known) = (true, true);
                other.visit_operands(&mut |v| match self.shape(v) {
                    Some(shape) => same &= shape.is_same(),
                    None => known = false,
                });
                if !known {
                    return None;
                }
                same_if(same)
            }
        })
    }

    fn builtin(&self, builtin: Builtin) -> LaneShape {
        let row = |aligned| LaneShape::Affine { step: 1, aligned };
        match builtin {
            Builtin::LocalIndex | Builtin::SubgroupInvocationId => row(true),
            Builtin::LocalId(0) if self.lined_up => row(true),
            Builtin::GlobalId(0) if self.lined_up => row(self.rows),
            Builtin::GlobalId(1 | 2) | Builtin::LocalId(1 | 2) if self.lined_up => SAME,
            Builtin::SubgroupId => SAME,
            _ => LaneShape::Any,
        }
    }

    /// An integer operation; `b` is its second operand.
    fn binary(&self, op: Binary, x: LaneShape, y: LaneShape, b: Value, ty: Type) -> LaneShape {
        let (LaneShape::Affine { step, aligned }, LaneShape::Affine { step: other, aligned: too }) = (x, y) else {
            return LaneShape::Any;
        };
        let constant = match self.program.def(b).op {
            Op::Const(bits) => Some(bits),
            _ => None,
        };
        let eights = constant.is_some_and(|c| c.is_multiple_of(8));
        match (op, constant) {
            (Binary::Add, _) => LaneShape::Affine { step: step.wrapping_add(other), aligned: aligned && too },
            (Binary::Sub, _) => LaneShape::Affine { step: step.wrapping_sub(other), aligned: aligned && too },
            (Binary::Mul, Some(c)) => {
                LaneShape::Affine { step: step.wrapping_mul(c as i32), aligned: aligned || eights }
            }
            (Binary::Shl, Some(c)) => {
                LaneShape::Affine { step: step.wrapping_shl(c & 31), aligned: aligned || c & 31 >= 3 }
            }
            _ if step == 0 && other == 0 => SAME,
            // Consecutive lanes that start at a multiple of eight stay within one block of eight.
            _ if step != 1 || !aligned => LaneShape::Any,
            (Binary::And, Some(c)) if c >= 7 && c.wrapping_add(1).is_power_of_two() => x,
            (Binary::Xor, _) if eights => x,
            (Binary::Shr, Some(c)) if ty == Type::U32 && c & 31 >= 3 => SAME,
            (Binary::Div, Some(c)) if ty == Type::U32 && eights && c != 0 => SAME,
            (Binary::Rem, Some(c)) if ty == Type::U32 && eights && c != 0 => x,
            _ => LaneShape::Any,
        }
    }
}

fn same_if(same: bool) -> LaneShape {
    if same { SAME } else { LaneShape::Any }
}
