//! Statements that lanes carry out together or in an order: atomics, uniform loads, subgroup operations.

use naga::{Expression, Handle, Span, TypeInner};

use super::{
    Frame, Lowerer,
    pointee::Storage,
    types::{Layout, Leaf},
};
use crate::{
    error::Result,
    ir::{Address, Atomic, AtomicFun, Binary, Builtin, Op, Origin, Subgroup, Type, Value},
};

impl<'a> Lowerer<'a> {
    pub fn is_atomic(&self, ty: &TypeInner) -> bool {
        matches!(ty, TypeInner::Atomic(_))
    }

    /// An atomic operation on a place; gives the old value.
    pub fn atomic(
        &mut self,
        at: &mut Storage,
        fun: AtomicFun,
        value: Value,
        compare: Option<Value>,
        result_used: bool,
        span: Span,
    ) -> Result<Value> {
        let Storage::Memory(address) = at else {
            return self.refuse(span, "an atomic operation on a variable that is not in memory");
        };
        let address = address.clone();
        let ty = self.b.ty(value);
        let atomic = Atomic { fun, address, value, compare, result_used };
        Ok(self.b.effect(ty, Op::Atomic(Box::new(atomic))))
    }

    pub fn atomic_statement(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
        fun: &'a naga::AtomicFunction,
        value: Handle<Expression>,
        result: Option<Handle<Expression>>,
        span: Span,
    ) -> Result<()> {
        use naga::AtomicFunction as F;
        let mut operand = self.expression(frame, value)?[0];
        let mut place = self.pointee(frame, pointer)?;
        place.set_origin(frame.origin(pointer));
        let mut compare = None;
        let fun = match fun {
            F::Add => AtomicFun::Add,
            F::Subtract => AtomicFun::Sub,
            F::And => AtomicFun::And,
            F::ExclusiveOr => AtomicFun::Xor,
            F::InclusiveOr => AtomicFun::Or,
            F::Min => AtomicFun::Min,
            F::Max => AtomicFun::Max,
            F::Exchange { compare: None } => AtomicFun::Exchange,
            F::Exchange { compare: Some(c) } => {
                compare = Some(self.expression(frame, *c)?[0]);
                AtomicFun::CompareExchange
            }
        };
        let fun = match (self.b.ty(operand), fun) {
            (Type::F32, AtomicFun::Add) => AtomicFun::AddFloat,
            (Type::F32, AtomicFun::Sub) => {
                operand = self.b.neg(operand);
                AtomicFun::AddFloat
            }
            (_, fun) => fun,
        };
        let used = result.is_some_and(|r| frame.info[r].ref_count > 0);
        let old = self.atomic(&mut place.at, fun, operand, compare, used, span)?;
        if let Some(result) = result.filter(|_| used) {
            let mut leaves = vec![old];
            if let Some(compare) = compare {
                leaves.push(self.b.binary(Binary::Eq, old, compare));
            }
            frame.values[result.index()] = Some(leaves);
        }
        Ok(())
    }

    pub fn uniform_load(
        &mut self,
        frame: &mut Frame<'a>,
        pointer: Handle<Expression>,
        result: Handle<Expression>,
        span: Span,
    ) -> Result<()> {
        let place = self.pointee(frame, pointer)?;
        let Storage::Memory(address) = &place.at else {
            return self.refuse(span, "workgroupUniformLoad of a variable that is not in workgroup memory");
        };
        let Some(leaves) = self.types.leaves(&place.ty, Layout::Packed) else { return Err(self.no_lanes(span)) };
        self.barrier(span);
        let load = |leaf: &Leaf| {
            let address = Address {
                offset: address.offset + leaf.offset,
                origin: Origin { span, ..address.origin },
                ..address.clone()
            };
            self.b.effect(leaf.ty, Op::UniformLoad(address))
        };
        let values = leaves.iter().map(load).collect();
        self.barrier(span);
        frame.values[result.index()] = Some(values);
        Ok(())
    }

    pub fn subgroup(&mut self, fun: Subgroup, value: Value) -> Value {
        let ty = self.b.ty(value);
        self.b.effect(ty, Op::Subgroup(fun, value))
    }

    pub fn collective(
        &mut self,
        frame: &mut Frame<'a>,
        op: naga::SubgroupOperation,
        collective: naga::CollectiveOperation,
        argument: Handle<Expression>,
        result: Handle<Expression>,
        span: Span,
    ) -> Result<()> {
        use naga::{CollectiveOperation as C, SubgroupOperation as S};
        let fun = match (op, collective) {
            (S::All, _) => Subgroup::All,
            (S::Any, _) => Subgroup::Any,
            (S::Add, C::Reduce) => Subgroup::Add,
            (S::Mul, C::Reduce) => Subgroup::Mul,
            (S::Min, C::Reduce) => Subgroup::Min,
            (S::Max, C::Reduce) => Subgroup::Max,
            (S::And, C::Reduce) => Subgroup::And,
            (S::Or, C::Reduce) => Subgroup::Or,
            (S::Xor, C::Reduce) => Subgroup::Xor,
            (S::Add, C::InclusiveScan) => Subgroup::InclusiveAdd,
            (S::Add, C::ExclusiveScan) => Subgroup::ExclusiveAdd,
            (S::Mul, C::InclusiveScan) => Subgroup::InclusiveMul,
            (S::Mul, C::ExclusiveScan) => Subgroup::ExclusiveMul,
            _ => return self.refuse(span, "this subgroup operation is not supported by the CPU engine"),
        };
        let values = self.expression(frame, argument)?;
        let values = values.iter().map(|&v| self.subgroup(fun, v)).collect();
        frame.values[result.index()] = Some(values);
        Ok(())
    }

    /// `subgroupBroadcast`, `subgroupShuffle` and their kin. WGSL leaves open what a lane beyond the subgroup gives;
    /// here lanes are counted modulo 8.
    pub fn gather(
        &mut self,
        frame: &mut Frame<'a>,
        mode: naga::GatherMode,
        argument: Handle<Expression>,
        result: Handle<Expression>,
    ) -> Result<()> {
        use naga::{Direction, GatherMode as G};
        let values = self.expression(frame, argument)?;
        let own = |s: &mut Self, op: Binary, by: Value| {
            let own = s.b.builtin(Builtin::SubgroupInvocationId);
            s.b.binary(op, own, by)
        };
        let lane = match mode {
            G::BroadcastFirst => {
                let values = values.iter().map(|&v| self.subgroup(Subgroup::BroadcastFirst, v)).collect();
                frame.values[result.index()] = Some(values);
                return Ok(());
            }
            G::Broadcast(index) | G::Shuffle(index) => self.expression(frame, index)?[0],
            G::ShuffleDown(index) => {
                let by = self.expression(frame, index)?[0];
                own(self, Binary::Add, by)
            }
            G::ShuffleUp(index) => {
                let by = self.expression(frame, index)?[0];
                own(self, Binary::Sub, by)
            }
            G::ShuffleXor(index) => {
                let by = self.expression(frame, index)?[0];
                own(self, Binary::Xor, by)
            }
            G::QuadBroadcast(index) => {
                let (index, in_quad, quads) = (self.expression(frame, index)?[0], self.b.u32(3), self.b.u32(!3));
                let quad = own(self, Binary::And, quads);
                let index = self.b.binary(Binary::And, index, in_quad);
                self.b.binary(Binary::Or, quad, index)
            }
            G::QuadSwap(direction) => {
                let by = self.b.u32(match direction {
                    Direction::X => 1,
                    Direction::Y => 2,
                    Direction::Diagonal => 3,
                });
                own(self, Binary::Xor, by)
            }
        };
        let values = values.iter().map(|&v| self.b.effect(self.b.ty(v), Op::Shuffle(v, lane))).collect();
        frame.values[result.index()] = Some(values);
        Ok(())
    }

    /// `subgroupBallot`: a bit for each lane that is active and whose predicate holds.
    pub fn ballot(
        &mut self,
        frame: &mut Frame<'a>,
        predicate: Option<Handle<Expression>>,
        result: Handle<Expression>,
    ) -> Result<()> {
        let holds = match predicate {
            Some(predicate) => self.expression(frame, predicate)?[0],
            None => self.b.bool(true),
        };
        let (one, zero) = (self.b.u32(1), self.b.u32(0));
        let own = self.b.builtin(Builtin::SubgroupInvocationId);
        let bit = self.b.binary(Binary::Shl, one, own);
        let bit = self.b.select(holds, bit, zero);
        let bits = self.subgroup(Subgroup::Or, bit);
        frame.values[result.index()] = Some(vec![bits, zero, zero, zero]);
        Ok(())
    }
}
