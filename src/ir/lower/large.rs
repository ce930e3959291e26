//! Values of too many scalars to be lists of SSA values: large arrays, and structs with one.
//!
//! What is loaded is copied into a private memory, in loops, and stays there as long as it is a value. Most are stored
//! or indexed right away. What a function gives back is written to a memory of its caller's.

use naga::{Expression, Handle, Span, TypeInner};

use super::{
    Argument, Frame, Lowerer,
    pointee::{Pointee, Storage},
    types::{Layout, MAX_LEAVES},
};
use crate::{
    error::Result,
    ir::{Binary, End, Memory, Space, Stmt, Type, Value},
};

/// Copies of this many scalars are written out.
const UNROLLED: u32 = 16;

/// A large value.
#[derive(Clone)]
pub enum Large {
    Zero(TypeInner),
    /// What a memory holds that nothing else writes.
    Copy(Pointee),
}

impl<'a> Lowerer<'a> {
    pub fn is_large_type(&self, inner: &TypeInner) -> bool {
        self.types.leaf_count(inner).is_some_and(|count| count > MAX_LEAVES)
    }

    /// The large value that an expression is; `None` for one that is a list of leaves.
    pub fn large(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Result<Option<Large>> {
        if !self.is_large_type(frame.info[handle].ty.inner_with(&self.module.types)) {
            return Ok(None);
        }
        if let Some(known) = frame.large.get(&handle) {
            return Ok(Some(known.clone()));
        }
        let span = frame.span(handle);
        let value = match frame.fun.expressions[handle] {
            Expression::ZeroValue(ty) => Some(Large::Zero(self.types.inner(ty).clone())),
            Expression::Constant(constant) => {
                match self.module.global_expressions[self.module.constants[constant].init] {
                    Expression::ZeroValue(ty) => Some(Large::Zero(self.types.inner(ty).clone())),
                    _ => None,
                }
            }
            Expression::Load { pointer } => {
                let mut from = self.pointee(frame, pointer)?;
                from.set_origin(frame.origin(pointer));
                let to = self.private_pointee(from.ty.clone(), span)?;
                self.copy(&from, &to, span)?;
                Some(Large::Copy(to))
            }
            Expression::Compose { ty, ref components } => {
                let to = self.private_pointee(self.types.inner(ty).clone(), span)?;
                for (i, &component) in (0..).zip(components) {
                    let part = self.component(to.clone(), i, span)?;
                    match self.large(frame, component)? {
                        Some(value) => self.store_large(&part, &value, span)?,
                        None => {
                            let values = self.expression(frame, component)?;
                            self.store_leaves(&part, &values, span)?;
                        }
                    }
                }
                Some(Large::Copy(to))
            }
            Expression::FunctionArgument(i) => match &frame.arguments[i as usize] {
                Argument::Large(value) => Some(value.clone()),
                _ => None,
            },
            Expression::Access { .. } | Expression::AccessIndex { .. } => self.large_part(frame, handle)?,
            _ => None,
        };
        if let Some(value) = &value {
            frame.large.insert(handle, value.clone());
        }
        Ok(value)
    }

    /// The component of a large value that an access selects; `None` where the value is none.
    pub fn large_part(&mut self, frame: &mut Frame<'a>, handle: Handle<Expression>) -> Result<Option<Large>> {
        let (Expression::Access { base, .. } | Expression::AccessIndex { base, .. }) = frame.fun.expressions[handle]
        else {
            return Ok(None);
        };
        let span = frame.span(handle);
        let Some(whole) = self.large(frame, base)? else { return Ok(None) };
        Ok(Some(match (whole, &frame.fun.expressions[handle]) {
            (Large::Zero(_), _) => Large::Zero(frame.info[handle].ty.inner_with(&self.module.types).clone()),
            (Large::Copy(place), &Expression::Access { index, .. }) => {
                let index = self.expression(frame, index)?[0];
                Large::Copy(self.element(place, index, span)?)
            }
            (Large::Copy(place), &Expression::AccessIndex { index, .. }) => {
                Large::Copy(self.component(place, index, span)?)
            }
            _ => return Ok(None),
        }))
    }

    /// The leaves of a value that is not large.
    pub fn leaves_of_part(&mut self, part: &Large, span: Span) -> Result<Vec<Value>> {
        match part {
            Large::Zero(ty) => {
                let leaves = self.types.leaves(ty, Layout::Packed).ok_or_else(|| self.no_lanes(span))?;
                Ok(leaves.iter().map(|leaf| self.b.zero(leaf.ty)).collect())
            }
            Large::Copy(place) => self.load_leaves(place, span),
        }
    }

    /// Writes a large value.
    pub fn store_large(&mut self, to: &Pointee, value: &Large, span: Span) -> Result<()> {
        match value {
            Large::Zero(_) => self.zero(to, span),
            Large::Copy(from) => self.copy(from, to, span),
        }
    }

    pub fn private_pointee(&mut self, ty: TypeInner, span: Span) -> Result<Pointee> {
        let bytes = self.types.leaf_count(&ty).and_then(|count| count.checked_mul(4));
        let bytes = bytes.ok_or_else(|| self.no_lanes(span))?;
        let memory = Memory { name: "copy".into(), space: Space::Private { bytes }, runtime: None, data: Vec::new() };
        Ok(Pointee::memory(self.private_memory(memory), ty))
    }

    fn copy(&mut self, from: &Pointee, to: &Pointee, span: Span) -> Result<()> {
        self.each_part(&from.ty, span, &mut |this, part| match part {
            Part::Leaves => {
                let values = this.load_leaves(from, span)?;
                this.store_leaves(to, &values, span)
            }
            Part::Member(i) => {
                let (from, to) = (this.component(from.clone(), i, span)?, this.component(to.clone(), i, span)?);
                this.copy(&from, &to, span)
            }
            Part::Element(i) => {
                let (from, to) = (this.element(from.clone(), i, span)?, this.element(to.clone(), i, span)?);
                this.copy(&from, &to, span)
            }
        })
    }

    fn zero(&mut self, to: &Pointee, span: Span) -> Result<()> {
        if let Storage::Memory(address) = &to.at
            && address.terms.is_empty()
            && let Space::Private { bytes } = self.b.memories[address.mem.0 as usize].space
            && self.types.leaf_count(&to.ty).and_then(|count| count.checked_mul(4)) == Some(bytes)
        {
            self.b.push(Stmt::Clear(address.mem));
            return Ok(());
        }
        self.each_part(&to.ty, span, &mut |this, part| match part {
            Part::Leaves => {
                let leaves = this.types.leaves(&to.ty, Layout::Packed).ok_or_else(|| this.no_lanes(span))?;
                let zeros: Vec<Value> = leaves.iter().map(|leaf| this.b.zero(leaf.ty)).collect();
                this.store_leaves(to, &zeros, span)
            }
            Part::Member(i) => {
                let to = this.component(to.clone(), i, span)?;
                this.zero(&to, span)
            }
            Part::Element(i) => {
                let to = this.element(to.clone(), i, span)?;
                this.zero(&to, span)
            }
        })
    }

    /// Calls `visit` for the parts of a type, in a loop over an array's elements.
    fn each_part(
        &mut self,
        ty: &TypeInner,
        span: Span,
        visit: &mut dyn FnMut(&mut Self, Part) -> Result<()>,
    ) -> Result<()> {
        let count = self.types.leaf_count(ty).ok_or_else(|| self.no_lanes(span))?;
        match ty {
            _ if count <= UNROLLED => visit(self, Part::Leaves),
            TypeInner::Struct { members, .. } => {
                (0..members.len() as u32).try_for_each(|i| visit(self, Part::Member(i)))
            }
            TypeInner::Array { .. } => {
                let Some((_, Some(length), _)) = self.types.element(ty, Layout::Packed) else {
                    return Err(self.no_lanes(span));
                };
                self.for_each(length, |this, i| visit(this, Part::Element(i)))
            }
            _ => Err(self.no_lanes(span)),
        }
    }

    /// A loop that counts from 0.
    fn for_each(&mut self, count: u32, body: impl FnOnce(&mut Self, Value) -> Result<()>) -> Result<()> {
        let (zero, one, count) = (self.b.u32(0), self.b.u32(1), self.b.u32(count));
        let (label, i) = (self.b.label(), self.b.phi(Type::U32));
        self.b.open();
        let done = self.b.binary(Binary::Ge, i, count);
        self.b.open();
        let accept = self.b.close(End::Break(label, Vec::new()));
        self.b.open();
        let reject = self.b.close(End::Yield(Vec::new()));
        self.b.push(Stmt::If { cond: done, accept, reject, results: Vec::new() });
        body(self, i)?;
        let next = self.b.add(i, one);
        let body = self.b.close(End::Yield(vec![next]));
        self.b.push(Stmt::Loop { label, params: vec![i], inits: vec![zero], body, results: Vec::new() });
        Ok(())
    }
}

/// A part of a large type.
enum Part {
    /// It is small enough as a whole.
    Leaves,
    Member(u32),
    Element(Value),
}
