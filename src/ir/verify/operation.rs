//! Rules on operations: which types they take and give.

use super::{Checked, Verifier, address::Access};
use crate::ir::{Atomic, AtomicFun, Binary, Builtin, Op, Stmt, Subgroup, Type, Unary, Value, fold};

const NUMBERS: &[Type] = &[Type::F32, Type::F16, Type::I32, Type::U32];
const FLOATS: &[Type] = &[Type::F32, Type::F16];
const INTEGERS: &[Type] = &[Type::I32, Type::U32];
const BITS: &[Type] = &[Type::I32, Type::U32, Type::Bool];
const ALL: &[Type] = &[Type::F32, Type::F16, Type::I32, Type::U32, Type::Bool];

impl Verifier<'_> {
    /// Checks the definition of a value: its operands are there, and types fit.
    pub fn operation(&mut self, value: Value) -> Checked {
        let program = self.program;
        let (op, ty) = (&program.def(value).op, self.ty(value));
        let mut operands = Vec::new();
        op.visit_operands(&mut |v| operands.push(v));
        // What it defines is visible by now, but not to itself.
        if operands.contains(&value) {
            return Err(format!("%{} is an operand of itself", value.0));
        }
        self.uses(&operands)?;
        match op {
            Op::Const(bits) => self.constant(ty, *bits),
            Op::Builtin(builtin) => self.builtin(value, *builtin),
            Op::Unary(op, a) => {
                self.one_of(*a, unary_types(*op), op)?;
                self.gives(value, self.ty(*a))
            }
            Op::Binary(op, a, b) => {
                self.one_of(*a, binary_types(*op), op)?;
                self.alike(*a, *b)?;
                self.gives(value, if op.is_comparison() { Type::Bool } else { self.ty(*a) })
            }
            Op::Fma(a, b, c) => {
                [a, b, c].into_iter().try_for_each(|&v| self.one_of(v, &[Type::F32], &"Fma"))?;
                self.gives(value, Type::F32)
            }
            Op::Select { cond, accept, reject } => {
                self.one_of(*cond, &[Type::Bool], &"the condition of Select")?;
                self.alike(*accept, *reject)?;
                self.gives(value, self.ty(*accept))
            }
            Op::Convert(a) if self.ty(*a) == ty => Err(format!("{} is converted to what it is", self.show(*a))),
            Op::Convert(_) => Ok(()),
            Op::Bitcast(a) => {
                let words = &[Type::F32, Type::I32, Type::U32];
                self.one_of(*a, words, &"Bitcast")?;
                self.one_of(value, words, &"the result of Bitcast")?;
                if self.ty(*a) == ty {
                    return Err(format!("{} is cast to what it is", self.show(*a)));
                }
                Ok(())
            }
            Op::Load(address) => self.address(address, ty, Access::Load),
            Op::UniformLoad(address) => {
                self.between_barriers()?;
                self.address(address, ty, Access::UniformLoad)
            }
            Op::ArrayLength(mem) => {
                if self.memory(*mem)?.runtime.is_none() {
                    return Err(format!("`{}` has no runtime-sized array", self.memory(*mem)?.name));
                }
                self.gives(value, Type::U32)
            }
            Op::Atomic(atomic) => self.atomic(value, atomic),
            Op::Subgroup(fun, a) => {
                self.one_of(*a, subgroup_types(*fun), fun)?;
                self.gives(value, self.ty(*a))
            }
            Op::Shuffle(a, lane) => {
                self.one_of(*lane, &[Type::U32], &"the lane of Shuffle")?;
                self.gives(value, self.ty(*a))
            }
            Op::Phi => Err(format!("%{} is a phi, which no statement computes", value.0)),
        }
    }

    fn one_of(&self, value: Value, types: &[Type], what: &dyn std::fmt::Debug) -> Checked {
        if types.contains(&self.ty(value)) {
            return Ok(());
        }
        let names: Vec<&str> = types.iter().map(|&ty| crate::ir::print::name(ty)).collect();
        Err(format!("{what:?} wants one of {}, not {}", names.join(", "), self.show(value)))
    }

    fn alike(&self, a: Value, b: Value) -> Checked {
        if self.ty(a) == self.ty(b) {
            return Ok(());
        }
        Err(format!("{} and {} stand where types agree", self.show(a), self.show(b)))
    }

    /// The type of a result.
    fn gives(&self, value: Value, ty: Type) -> Checked {
        if self.ty(value) == ty {
            return Ok(());
        }
        Err(format!("{} is the result, expected {}", self.show(value), crate::ir::print::name(ty)))
    }

    fn constant(&self, ty: Type, bits: u32) -> Checked {
        let x = f32::from_bits(bits);
        match ty {
            Type::Bool if bits != 0 && bits != fold::TRUE => {
                Err(format!("a bool is all zeros or all ones, not {bits:#x}"))
            }
            Type::F16 if !x.is_nan() && fold::round_f16(x).to_bits() != bits => {
                Err(format!("{x:?} is no half: the nearest is {:?}", fold::round_f16(x)))
            }
            _ => Ok(()),
        }
    }

    fn builtin(&self, value: Value, builtin: Builtin) -> Checked {
        match builtin {
            Builtin::GlobalId(axis)
            | Builtin::LocalId(axis)
            | Builtin::WorkgroupId(axis)
            | Builtin::NumWorkgroups(axis)
                if axis > 2 =>
            {
                Err(format!("a grid has no axis {axis}"))
            }
            _ => self.gives(value, Type::U32),
        }
    }

    fn atomic(&mut self, value: Value, atomic: &Atomic) -> Checked {
        let of: &[Type] = match atomic.fun {
            AtomicFun::AddFloat => &[Type::F32],
            AtomicFun::Load | AtomicFun::Store | AtomicFun::Exchange => &[Type::I32, Type::U32, Type::F32],
            _ => INTEGERS,
        };
        self.one_of(atomic.value, of, &"an atomic")?;
        self.gives(value, self.ty(atomic.value))?;
        match (atomic.fun, atomic.compare) {
            (AtomicFun::CompareExchange, Some(compare)) => self.alike(atomic.value, compare)?,
            (AtomicFun::CompareExchange, None) => return Err("a compare-exchange compares with nothing".into()),
            (fun, Some(compare)) => return Err(format!("{fun:?} does not compare, but has %{}", compare.0)),
            (_, None) => {}
        }
        self.address(&atomic.address, self.ty(value), Access::Atomic(atomic.fun))
    }

    /// A uniform load's neighbours, computations aside, are barriers and other uniform loads.
    fn between_barriers(&self) -> Checked {
        let (block, at) = self.at;
        let effect = |stmt: &&Stmt| !matches!(stmt, Stmt::Let(_));
        let before = block.stmts[..at].iter().rev().find(effect);
        let behind = block.stmts[at..].iter().find(effect);
        if let (Some(Stmt::Barrier(_)), Some(Stmt::Barrier(_))) = (before, behind) {
            return Ok(());
        }
        Err("a uniform load stands between two barriers".into())
    }
}

fn unary_types(op: Unary) -> &'static [Type] {
    match op {
        Unary::Neg | Unary::Abs => NUMBERS,
        Unary::Not => BITS,
        Unary::Sqrt | Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round => FLOATS,
        Unary::QuantizeF16 => &[Type::F32],
        Unary::CountOnes | Unary::CountLeadingZeros | Unary::CountTrailingZeros | Unary::ReverseBits => INTEGERS,
    }
}

fn binary_types(op: Binary) -> &'static [Type] {
    match op {
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Min | Binary::Max => NUMBERS,
        Binary::Rem | Binary::Shl | Binary::Shr => INTEGERS,
        Binary::And | Binary::Or | Binary::Xor => BITS,
        Binary::Eq | Binary::Ne => ALL,
        Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => NUMBERS,
    }
}

fn subgroup_types(fun: Subgroup) -> &'static [Type] {
    use Subgroup::*;
    match fun {
        All | Any => &[Type::Bool],
        And | Or | Xor => INTEGERS,
        Add | Mul | Min | Max | ExclusiveAdd | ExclusiveMul | InclusiveAdd | InclusiveMul => NUMBERS,
        BroadcastFirst => ALL,
    }
}
