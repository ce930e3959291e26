//! Expressions: values of every type, as lists of scalars.

use naga::{BinaryOperator, Expression, Handle, Literal, Span, TypeInner, UnaryOperator};

use super::{Argument, Frame, Lowerer, MAX_CONSTANT, pointee::Pointee, pointee::Storage, types, types::Layout};
use crate::{
    error::Result,
    ir::{Address, AtomicFun, Binary, IndexBound, Op, Origin, Term, Type, Unary, Value},
};

impl<'a> Lowerer<'a> {
    /// The leaves of an expression; evaluates it if it was not yet.
    pub fn expression(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Result<Vec<Value>> {
        if let Some(values) = &frame.values[handle.index()] {
            return Ok(values.clone());
        }
        let before = self.b.origin;
        self.b.origin = frame.origin(handle);
        let values = self.evaluate(frame, handle)?;
        self.b.origin = before;
        frame.values[handle.index()] = Some(values.clone());
        Ok(values)
    }

    fn evaluate(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Result<Vec<Value>> {
        let span = frame.span(handle);
        let fun = frame.fun;
        if let Some(part) = self.large_part(frame, handle)? {
            return self.leaves_of_part(&part, span);
        }
        match fun.expressions[handle] {
            Expression::Literal(literal) => self.literal(literal, span),
            Expression::Constant(constant) => self.global_expression(self.module.constants[constant].init, span),
            Expression::ZeroValue(ty) => self.zero_value(ty, span),
            Expression::Compose { ty, ref components } => {
                if self.types.leaf_count(self.types.inner(ty)).is_none_or(|count| count > MAX_CONSTANT) {
                    return self.refuse(span, format!("a value of more than {MAX_CONSTANT} scalars"));
                }
                self.concatenate(frame, components)
            }
            Expression::Splat { size, value } => {
                let value = self.expression(frame, value)?[0];
                Ok(vec![value; size as usize])
            }
            Expression::Swizzle { size, vector, pattern } => {
                let vector = self.expression(frame, vector)?;
                Ok(pattern[..size as usize].iter().map(|&c| vector[c as usize]).collect())
            }
            Expression::Access { base, index } => self.access(frame, base, index, span),
            Expression::AccessIndex { base, index } => {
                let inner = frame.info[base].ty.inner_with(&self.module.types);
                let values = self.expression(frame, base)?;
                let (first, count) = match self.part(inner, index) {
                    Some(part) => part,
                    None => return Err(self.no_lanes(span)),
                };
                Ok(values[first as usize..(first + count) as usize].to_vec())
            }
            Expression::FunctionArgument(i) => match &frame.arguments[i as usize] {
                Argument::Value(values) => Ok(values.clone()),
                Argument::Pointer(_) => self.refuse(span, "a pointer cannot be used as a value"),
                Argument::Large(_) => Err(self.no_lanes(span)),
            },
            Expression::Load { pointer } => self.load(frame, pointer, span),
            Expression::Unary { op, expr } => {
                let values = self.expression(frame, expr)?;
                let op = match op {
                    UnaryOperator::Negate => Unary::Neg,
                    UnaryOperator::LogicalNot | UnaryOperator::BitwiseNot => Unary::Not,
                };
                Ok(values.into_iter().map(|v| self.b.unary(op, v)).collect())
            }
            Expression::Binary { op, left, right } => self.binary(frame, op, left, right),
            Expression::Select { condition, accept, reject } => {
                let conds = self.expression(frame, condition)?;
                let accept = self.expression(frame, accept)?;
                let reject = self.expression(frame, reject)?;
                let cond = |i: usize| if conds.len() == 1 { conds[0] } else { conds[i] };
                Ok((0..accept.len()).map(|i| self.b.select(cond(i), accept[i], reject[i])).collect())
            }
            Expression::Relational { fun, argument } => self.relational(frame, fun, argument),
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                self.math(frame, fun, [Some(arg), arg1, arg2, arg3], span)
            }
            Expression::As { expr, kind, convert } => self.cast(frame, expr, kind, convert, span),
            Expression::ArrayLength(pointer) => match self.pointee(frame, pointer)?.at {
                Storage::Memory(address) => Ok(vec![self.b.array_length(address.mem)]),
                Storage::Slots { .. } => self.refuse(span, "arrayLength of a variable that is not a storage buffer"),
            },
            Expression::GlobalVariable(_) | Expression::LocalVariable(_) => {
                self.refuse(span, "a pointer cannot be used as a value")
            }
            Expression::Override(_) => self.refuse(span, "an override constant without a value"),
            _ => self.refuse(span, "this expression is not supported by the CPU engine"),
        }
    }

    fn concatenate(&mut self, frame: &mut Frame<'a>, parts: &[Handle<Expression>]) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for &part in parts {
            values.extend(self.expression(frame, part)?);
        }
        Ok(values)
    }

    fn literal(&mut self, literal: Literal, span: Span) -> Result<Vec<Value>> {
        let value = match literal {
            Literal::F32(x) => self.b.f32(x),
            Literal::F16(x) => self.b.constant(Type::F16, x.to_f32().to_bits()),
            Literal::U32(x) => self.b.u32(x),
            Literal::I32(x) => self.b.i32(x),
            Literal::Bool(x) => self.b.bool(x),
            _ => return Err(self.no_lanes(span)),
        };
        Ok(vec![value])
    }

    fn zero_value(&mut self, ty: Handle<naga::Type>, span: Span) -> Result<Vec<Value>> {
        let leaves = self.types.leaves(self.types.inner(ty), Layout::Packed).ok_or_else(|| self.no_lanes(span))?;
        Ok(leaves.iter().map(|leaf| self.b.zero(leaf.ty)).collect())
    }

    /// The leaves of a constant expression of the module.
    pub fn global_expression(&mut self, handle: Handle<Expression>, span: Span) -> Result<Vec<Value>> {
        match self.module.global_expressions[handle] {
            Expression::Literal(literal) => self.literal(literal, span),
            Expression::Constant(constant) => self.global_expression(self.module.constants[constant].init, span),
            Expression::ZeroValue(ty) => self.zero_value(ty, span),
            Expression::Compose { ty, ref components } => {
                if self.types.leaf_count(self.types.inner(ty)).is_none_or(|count| count > MAX_CONSTANT) {
                    return self.refuse(span, format!("a constant of more than {MAX_CONSTANT} scalars"));
                }
                let mut values = Vec::new();
                for &component in components {
                    values.extend(self.global_expression(component, span)?);
                }
                Ok(values)
            }
            Expression::Splat { size, value } => {
                let value = self.global_expression(value, span)?[0];
                Ok(vec![value; size as usize])
            }
            _ => self.refuse(span, "a constant of this form is not supported by the CPU engine"),
        }
    }

    /// The first leaf and the number of leaves of a component of a composite value.
    fn part(&self, inner: &TypeInner, index: u32) -> Option<(u32, u32)> {
        let element = match self.types.member(inner, index, Layout::Packed) {
            Some((ty, _)) => ty,
            None => self.types.element(inner, Layout::Packed)?.0,
        };
        Some((self.types.leaves_before(inner, index)?, self.types.leaf_count(&element)?))
    }

    /// A dynamic index into a value: a choice among its components, or a table in memory for long arrays.
    fn access(
        &mut self,
        frame: &mut Frame<'a>,
        base: Handle<Expression>,
        index: Handle<Expression>,
        span: Span,
    ) -> Result<Vec<Value>> {
        const CHOICE: u32 = 4;
        let inner = frame.info[base].ty.inner_with(&self.module.types);
        let values = self.expression(frame, base)?;
        let index = self.expression(frame, index)?[0];
        let Some((element, Some(count), _)) = self.types.element(inner, Layout::Packed) else {
            return Err(self.no_lanes(span));
        };
        let leaves = self.types.leaves(&element, Layout::Packed).ok_or_else(|| self.no_lanes(span))?;
        let size = leaves.len();
        if let Some(i) = self.b.as_const(index).filter(|&i| i < count) {
            return Ok(values[i as usize * size..][..size].to_vec());
        }
        if count > CHOICE {
            let place = self.value_in_memory(frame, base, inner, &values, span)?;
            let Storage::Memory(address) = place.at else { return Err(self.no_lanes(span)) };
            let term = Term { index, stride: size as u32 * 4, bound: IndexBound::Const(count) };
            let address = Address { terms: vec![term], ..address };
            return self.load_leaves(&Pointee { ty: element, at: Storage::Memory(address) }, span);
        }
        let mut chosen: Vec<Value> = leaves.iter().map(|leaf| self.b.zero(leaf.ty)).collect();
        let ty = self.b.ty(index);
        for i in 0..count {
            let here = self.b.constant(ty, i);
            let here = self.b.binary(Binary::Eq, index, here);
            for (k, chosen) in chosen.iter_mut().enumerate() {
                *chosen = self.b.select(here, values[i as usize * size + k], *chosen);
            }
        }
        Ok(chosen)
    }

    /// A memory that holds an array value: a constant table, or a private copy.
    fn value_in_memory(
        &mut self,
        frame: &Frame<'a>,
        base: Handle<Expression>,
        inner: &TypeInner,
        values: &[Value],
        span: Span,
    ) -> Result<Pointee> {
        let name = frame.fun.named_expressions.get(&base).cloned().unwrap_or_else(|| "array".into());
        let mem = match self.constant_table(&name, values) {
            Some(mem) => mem,
            None => {
                let space = crate::ir::Space::Private { bytes: values.len() as u32 * 4 };
                let mem = self.private_memory(crate::ir::Memory { name, space, runtime: None, data: Vec::new() });
                self.store_leaves(&Pointee::memory(mem, inner.clone()), values, span)?;
                mem
            }
        };
        let mut place = Pointee::memory(mem, inner.clone());
        if let Storage::Memory(address) = &mut place.at {
            address.origin = frame.origin(base);
        }
        Ok(place)
    }

    fn load(&mut self, frame: &mut Frame<'a>, pointer: Handle<Expression>, span: Span) -> Result<Vec<Value>> {
        let mut place = self.pointee(frame, pointer)?;
        place.set_origin(Origin { span, ..frame.origin(pointer) });
        if let TypeInner::Atomic(scalar) = place.ty {
            let ty = types::scalar_type(scalar).ok_or_else(|| self.no_lanes(span))?;
            let zero = self.b.zero(ty);
            return Ok(vec![self.atomic(&mut place.at, AtomicFun::Load, zero, None, true, span)?]);
        }
        self.load_leaves(&place, span)
    }

    fn binary(
        &mut self,
        frame: &mut Frame<'a>,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Result<Vec<Value>> {
        let a = self.expression(frame, left)?;
        let b = self.expression(frame, right)?;
        let left = frame.info[left].ty.inner_with(&self.module.types);
        let right = frame.info[right].ty.inner_with(&self.module.types);
        if op == BinaryOperator::Multiply {
            use TypeInner::{Matrix, Vector};
            match (left, right) {
                (&Matrix { rows, .. }, &Matrix { .. }) => return Ok(self.multiply(&a, &b, rows as usize)),
                (&Matrix { rows, .. }, &Vector { .. }) => return Ok(self.multiply(&a, &b, rows as usize)),
                (&Vector { .. }, &Matrix { .. }) => return Ok(self.multiply(&a, &b, 1)),
                _ => {}
            }
        }
        let n = a.len().max(b.len());
        let at = |values: &[Value], i: usize| if values.len() == 1 { values[0] } else { values[i] };
        Ok((0..n).map(|i| self.scalar_binary(op, at(&a, i), at(&b, i))).collect())
    }

    /// The matrix product of `a`, of `rows` rows, and `b`, both column by column.
    fn multiply(&mut self, a: &[Value], b: &[Value], rows: usize) -> Vec<Value> {
        let inner = a.len() / rows;
        let mut product = Vec::with_capacity(rows * b.len() / inner);
        for column in b.chunks_exact(inner) {
            for row in 0..rows {
                let terms: Vec<Value> = (0..inner).map(|k| a[k * rows + row]).collect();
                product.push(self.dot(&terms, column));
            }
        }
        product
    }

    /// One component of a binary operator.
    pub fn scalar_binary(&mut self, op: BinaryOperator, a: Value, b: Value) -> Value {
        let op = match op {
            BinaryOperator::Add => return self.add(a, b),
            BinaryOperator::Subtract => return self.subtract(a, b),
            BinaryOperator::Multiply => Binary::Mul,
            BinaryOperator::Divide => Binary::Div,
            BinaryOperator::Modulo if self.b.ty(a).is_float() => return self.b.float_rem(a, b),
            BinaryOperator::Modulo => Binary::Rem,
            BinaryOperator::Equal => Binary::Eq,
            BinaryOperator::NotEqual => Binary::Ne,
            BinaryOperator::Less => Binary::Lt,
            BinaryOperator::LessEqual => Binary::Le,
            BinaryOperator::Greater => Binary::Gt,
            BinaryOperator::GreaterEqual => Binary::Ge,
            BinaryOperator::And | BinaryOperator::LogicalAnd => Binary::And,
            BinaryOperator::ExclusiveOr => Binary::Xor,
            BinaryOperator::InclusiveOr | BinaryOperator::LogicalOr => Binary::Or,
            BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
                // The amount is always u32; the operation wants two operands of one type.
                let ty = self.b.ty(a);
                let amount = self.b.bitcast(ty, b);
                let op = if op == BinaryOperator::ShiftLeft { Binary::Shl } else { Binary::Shr };
                return self.b.binary(op, a, amount);
            }
        };
        self.b.binary(op, a, b)
    }

    /// The factors of an `F32` product that may be fused with an addition.
    fn product(&self, value: Value, other: Value) -> Option<(Value, Value)> {
        match *self.b.op(value) {
            Op::Binary(Binary::Mul, x, y) if self.b.ty(value) == Type::F32 && value != other => Some((x, y)),
            _ => None,
        }
    }

    /// `a + b`, fused with a product where one operand is one (WGSL allows it).
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        if let Some((x, y)) = self.product(a, b) {
            self.b.fma(x, y, b)
        } else if let Some((x, y)) = self.product(b, a) {
            self.b.fma(x, y, a)
        } else {
            self.b.add(a, b)
        }
    }

    /// `a - b`, fused likewise.
    pub fn subtract(&mut self, a: Value, b: Value) -> Value {
        if let Some((x, y)) = self.product(a, b) {
            let minus = self.b.neg(b);
            self.b.fma(x, y, minus)
        } else if let Some((x, y)) = self.product(b, a) {
            let minus = self.b.neg(x);
            self.b.fma(minus, y, a)
        } else {
            self.b.sub(a, b)
        }
    }

    fn relational(
        &mut self,
        frame: &mut Frame<'a>,
        fun: naga::RelationalFunction,
        argument: Handle<Expression>,
    ) -> Result<Vec<Value>> {
        use naga::RelationalFunction as R;
        let values = self.expression(frame, argument)?;
        let fold = |this: &mut Self, op: Binary| {
            values.iter().copied().reduce(|a, b| this.b.binary(op, a, b)).into_iter().collect::<Vec<_>>()
        };
        Ok(match fun {
            R::All => fold(self, Binary::And),
            R::Any => fold(self, Binary::Or),
            R::IsNan => values.iter().map(|&v| self.b.binary(Binary::Ne, v, v)).collect(),
            R::IsInf => values
                .iter()
                .map(|&v| {
                    let (abs, inf) = (self.b.unary(Unary::Abs, v), self.b.float(self.b.ty(v), f32::INFINITY));
                    self.b.binary(Binary::Eq, abs, inf)
                })
                .collect(),
        })
    }

    fn cast(
        &mut self,
        frame: &mut Frame<'a>,
        expr: Handle<Expression>,
        kind: naga::ScalarKind,
        convert: Option<u8>,
        span: Span,
    ) -> Result<Vec<Value>> {
        let values = self.expression(frame, expr)?;
        let width = convert.unwrap_or(4);
        let Some(to) = types::scalar_type(naga::Scalar { kind, width }) else { return Err(self.no_lanes(span)) };
        if convert.is_none() {
            // Of halves naga knows only the cast to themselves.
            if values.iter().all(|&v| self.b.ty(v) == Type::F16) && kind == naga::ScalarKind::Float {
                return Ok(values);
            }
            return Ok(values.into_iter().map(|v| self.b.bitcast(to, v)).collect());
        }
        Ok(values.into_iter().map(|v| self.convert(to, v)).collect())
    }

    /// A conversion as WGSL defines it: a float beyond an integer type's range becomes the nearest number that
    /// both types hold (section 15.7.6), which is less than the integer type's largest.
    fn convert(&mut self, to: Type, value: Value) -> Value {
        /// The largest `f32` below 2^31, and below 2^32; the largest half.
        const BELOW_31: f32 = 2_147_483_520.0;
        const BELOW_32: f32 = 4_294_967_040.0;
        const HALF: f32 = 65_504.0;
        let from = self.b.ty(value);
        let (low, high) = match (from, to) {
            (Type::F32, Type::I32) => (None, BELOW_31),
            (Type::F32, Type::U32) => (None, BELOW_32),
            (Type::F16, Type::I32) => (Some(-HALF), HALF),
            (Type::F16, Type::U32) => (None, HALF),
            _ => return self.b.convert(to, value),
        };
        let high = self.b.float(from, high);
        let mut value = self.b.binary(Binary::Min, value, high);
        if let Some(low) = low {
            let low = self.b.float(from, low);
            value = self.b.binary(Binary::Max, value, low);
        }
        self.b.convert(to, value)
    }
}
