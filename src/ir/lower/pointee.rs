//! What pointers point to. All functions are inlined, so every pointer is known while lowering.

use std::collections::BTreeSet;

use naga::{AddressSpace, Expression, Handle, Span, Statement, TypeInner, valid::FunctionInfo};

use super::{
    Argument, Frame, Lowerer,
    types::{Layout, Leaf},
    walk,
};
use crate::{
    error::Result,
    ir::{Address, Binary, IndexBound, Mem, Origin, Space, Stmt, Term, Type, Value},
};

/// Where a variable lives.
#[derive(Clone, Copy, Debug)]
pub enum Root {
    /// In SSA values, tracked as a run of slots.
    Slots { first: u32, count: u32 },
    /// In a memory.
    Memory(Mem),
}

/// What a pointer points to.
#[derive(Clone)]
pub struct Pointee {
    pub ty: TypeInner,
    pub at: Storage,
}

#[derive(Clone)]
pub enum Storage {
    /// A run of slots; dynamic indices (of vectors and matrices) choose among them.
    Slots {
        first: u32,
        dynamic: Vec<SlotIndex>,
    },
    Memory(Address),
}

/// A dynamic index into slots: `count` elements of `stride` slots.
#[derive(Clone, Copy)]
pub struct SlotIndex {
    index: Value,
    count: u32,
    stride: u32,
}

/// Which pointers a function indexes dynamically or writes through.
#[derive(Clone, Default)]
pub struct Indexed {
    pub locals: BTreeSet<Handle<naga::LocalVariable>>,
    pub written: BTreeSet<Handle<naga::LocalVariable>>,
    arguments: BTreeSet<u32>,
}

impl Pointee {
    /// Notes which expression the accesses of this place come from.
    pub fn set_origin(&mut self, origin: Origin) {
        if let Storage::Memory(address) = &mut self.at {
            address.origin = origin;
        }
    }

    /// All of a private or workgroup memory.
    pub fn memory(mem: Mem, ty: TypeInner) -> Self {
        Pointee {
            ty,
            at: Storage::Memory(Address {
                mem,
                offset: 0,
                terms: Vec::new(),
                origin: Default::default(),
                id: Default::default(),
            }),
        }
    }
}

/// The variable or argument at the bottom of a chain of accesses.
fn base(fun: &naga::Function, mut expression: Handle<Expression>) -> Handle<Expression> {
    while let Expression::Access { base, .. } | Expression::AccessIndex { base, .. } = fun.expressions[expression] {
        expression = base;
    }
    expression
}

impl<'a> Lowerer<'a> {
    /// Which local variables and pointer arguments a function, or one that it calls, indexes
    /// dynamically or writes.
    pub fn indexed_pointers(&mut self, fun: &'a naga::Function, info: &'a FunctionInfo) -> Indexed {
        let mut found = Indexed::default();
        for (handle, expression) in fun.expressions.iter() {
            let Expression::Access { base: pointer, .. } = *expression else { continue };
            if info[pointer].ty.inner_with(&self.module.types).pointer_space().is_none() || !info_uses(info, handle) {
                continue;
            }
            // A dynamic index of a vector or matrix is a choice among its slots; of an array it is not.
            let inner = info[pointer].ty.inner_with(&self.module.types);
            let is_array = matches!(*inner, TypeInner::Pointer { base, .. }
                if matches!(self.types.inner(base), TypeInner::Array { .. }));
            if is_array {
                found.note(fun, base(fun, pointer));
            }
        }
        let mut calls = Vec::new();
        walk(&fun.body, &mut |statement| match statement {
            Statement::Store { pointer, .. } => {
                if let Expression::LocalVariable(local) = fun.expressions[base(fun, *pointer)] {
                    found.written.insert(local);
                }
            }
            Statement::Call { function, arguments, .. } => calls.push((*function, arguments)),
            _ => {}
        });
        for (function, arguments) in calls {
            let callee = self.indexed_function(function);
            for (i, &argument) in arguments.iter().enumerate() {
                let root = base(fun, argument);
                if callee.arguments.contains(&(i as u32)) {
                    found.note(fun, root);
                }
                let is_pointer = info[argument].ty.inner_with(&self.module.types).pointer_space().is_some();
                if let (Expression::LocalVariable(local), true) = (&fun.expressions[root], is_pointer) {
                    found.written.insert(*local);
                }
            }
        }
        found
    }

    pub fn indexed_function(&mut self, function: Handle<naga::Function>) -> Indexed {
        if let Some(known) = self.indexed.get(&function) {
            return known.clone();
        }
        let found = self.indexed_pointers(&self.module.functions[function], &self.info[function]);
        self.indexed.insert(function, found.clone());
        found
    }

    /// What a pointer expression points to.
    pub fn pointee(&mut self, frame: &mut Frame<'a>, pointer: Handle<Expression>) -> Result<Pointee> {
        let span = frame.span(pointer);
        match frame.fun.expressions[pointer] {
            Expression::GlobalVariable(handle) => {
                let ty = self.types.inner(self.module.global_variables[handle].ty).clone();
                match self.globals.get(&handle) {
                    Some(&root) => Ok(self.root_pointee(frame, pointer, root, ty)),
                    None => self.refuse(span, "this variable cannot be used by the CPU engine"),
                }
            }
            Expression::LocalVariable(handle) => {
                let ty = self.types.inner(frame.fun.local_variables[handle].ty).clone();
                let root = frame.locals[&handle];
                Ok(self.root_pointee(frame, pointer, root, ty))
            }
            Expression::FunctionArgument(i) => match &frame.arguments[i as usize] {
                Argument::Pointer(place) => Ok(place.clone()),
                Argument::Value(_) | Argument::Large(_) => self.refuse(span, "this is not a pointer"),
            },
            Expression::AccessIndex { base, index } => {
                let place = self.pointee(frame, base)?;
                self.component(place, index, frame.origin(pointer).span)
            }
            Expression::Access { base, index } => {
                let place = self.pointee(frame, base)?;
                let index = self.expression(frame, index)?[0];
                self.element(place, index, span)
            }
            _ => self.refuse(span, "a pointer of this form is not supported by the CPU engine"),
        }
    }

    fn root_pointee(&self, frame: &Frame<'a>, pointer: Handle<Expression>, root: Root, ty: TypeInner) -> Pointee {
        let at = match root {
            Root::Slots { first, .. } => Storage::Slots { first, dynamic: Vec::new() },
            Root::Memory(mem) => {
                let origin = frame.origin(pointer);
                Storage::Memory(Address { mem, offset: 0, terms: Vec::new(), origin, id: Default::default() })
            }
        };
        Pointee { ty, at }
    }

    /// The layout of what lies in a memory.
    pub fn layout(&self, mem: Mem) -> Layout {
        match self.b.memories[mem.0 as usize].space {
            Space::Storage { .. } | Space::Uniform { .. } => Layout::Host,
            _ => Layout::Packed,
        }
    }

    /// The part of `place` that a constant index or member number selects.
    pub fn component(&mut self, mut place: Pointee, index: u32, span: Span) -> Result<Pointee> {
        if let TypeInner::Struct { .. } = place.ty {
            let layout = match &place.at {
                Storage::Memory(address) => self.layout(address.mem),
                Storage::Slots { .. } => Layout::Packed,
            };
            let Some((ty, offset)) = self.types.member(&place.ty, index, layout) else {
                return Err(self.no_lanes(span));
            };
            match &mut place.at {
                Storage::Memory(address) => address.offset += offset,
                Storage::Slots { first, .. } => *first += offset / 4,
            }
            place.ty = ty;
            return Ok(place);
        }
        let index = self.b.u32(index);
        self.element(place, index, span)
    }

    /// The element of `place` that `index` selects.
    pub fn element(&mut self, mut place: Pointee, index: Value, span: Span) -> Result<Pointee> {
        let layout = match &place.at {
            Storage::Memory(address) => self.layout(address.mem),
            Storage::Slots { .. } => Layout::Packed,
        };
        let Some((ty, count, stride)) = self.types.element(&place.ty, layout) else {
            return Err(self.no_lanes(span));
        };
        let known = self.b.as_const(index).filter(|&i| count.is_some_and(|n| i < n));
        match &mut place.at {
            Storage::Memory(address) => match known {
                Some(i) => address.offset += i * stride,
                None => {
                    let bound = count.map_or(IndexBound::Runtime, IndexBound::Const);
                    address.terms.push(Term { index, stride, bound });
                }
            },
            Storage::Slots { first, dynamic } => match (known, count) {
                (Some(i), _) => *first += i * (stride / 4),
                (None, Some(count)) => dynamic.push(SlotIndex { index, count, stride: stride / 4 }),
                (None, None) => return Err(self.no_lanes(span)),
            },
        }
        place.ty = ty;
        Ok(place)
    }

    fn place_leaves(&self, place: &Pointee, span: Span) -> Result<Vec<Leaf>> {
        let layout = match &place.at {
            Storage::Memory(address) => self.layout(address.mem),
            Storage::Slots { .. } => Layout::Packed,
        };
        self.types.leaves(&place.ty, layout).ok_or_else(|| self.no_lanes(span))
    }

    /// Reads all leaves of a place.
    pub fn load_leaves(&mut self, place: &Pointee, span: Span) -> Result<Vec<Value>> {
        let leaves = self.place_leaves(place, span)?;
        Ok(match &place.at {
            Storage::Memory(address) => leaves
                .iter()
                .map(|leaf| {
                    let address = Address { offset: address.offset + leaf.offset, ..address.clone() };
                    self.b.load(leaf.ty, address)
                })
                .collect(),
            Storage::Slots { first, dynamic } => self.load_slots(*first, dynamic, leaves.len() as u32),
        })
    }

    fn load_slots(&mut self, first: u32, dynamic: &[SlotIndex], count: u32) -> Vec<Value> {
        let Some((index, rest)) = dynamic.split_first() else {
            return self.slots[first as usize..(first + count) as usize].to_vec();
        };
        let mut found: Option<Vec<Value>> = None;
        for i in 0..index.count {
            let element = self.load_slots(first + i * index.stride, rest, count);
            let chosen = self.index_is(index.index, i);
            let before = found.take().unwrap_or_else(|| {
                let types: Vec<Type> = element.iter().map(|&v| self.b.ty(v)).collect();
                types.into_iter().map(|ty| self.b.zero(ty)).collect()
            });
            let merged = element.iter().zip(before).map(|(&e, b)| self.b.select(chosen, e, b)).collect();
            found = Some(merged);
        }
        found.unwrap_or_default()
    }

    fn index_is(&mut self, index: Value, i: u32) -> Value {
        let ty = self.b.ty(index);
        let i = self.b.constant(ty, i);
        self.b.binary(Binary::Eq, index, i)
    }

    /// Writes all leaves of a place.
    pub fn store_leaves(&mut self, place: &Pointee, values: &[Value], span: Span) -> Result<()> {
        match &place.at {
            Storage::Memory(address) => {
                let leaves = self.place_leaves(place, span)?;
                if self.clears(address, values) {
                    self.b.push(Stmt::Clear(address.mem));
                    return Ok(());
                }
                for (leaf, &value) in leaves.iter().zip(values) {
                    let address = Address { offset: address.offset + leaf.offset, ..address.clone() };
                    self.b.push(Stmt::Store { address, value });
                }
            }
            Storage::Slots { first, dynamic } => self.store_slots(*first, &dynamic.clone(), values, None),
        }
        Ok(())
    }

    /// Whether a store is of zeros over the whole of a private memory.
    fn clears(&self, address: &Address, values: &[Value]) -> bool {
        let whole = matches!(self.b.memories[address.mem.0 as usize].space,
            Space::Private { bytes } if bytes as usize == values.len() * 4);
        whole && values.len() > 1 && values.iter().all(|&v| self.b.as_const(v) == Some(0))
    }

    fn store_slots(&mut self, first: u32, dynamic: &[SlotIndex], values: &[Value], cond: Option<Value>) {
        let Some((index, rest)) = dynamic.split_first() else {
            for (i, &value) in values.iter().enumerate() {
                let slot = first as usize + i;
                self.slots[slot] = match cond {
                    Some(cond) => self.b.select(cond, value, self.slots[slot]),
                    None => value,
                };
            }
            return;
        };
        for i in 0..index.count {
            let mut chosen = self.index_is(index.index, i);
            if let Some(cond) = cond {
                chosen = self.b.binary(Binary::And, cond, chosen);
            }
            self.store_slots(first + i * index.stride, rest, values, Some(chosen));
        }
    }

    /// The slots that a pointer may reach, without evaluating anything.
    pub fn reachable_slots(&self, frame: &Frame<'a>, pointer: Handle<Expression>) -> Option<(u32, u32)> {
        let root = match frame.fun.expressions[base(frame.fun, pointer)] {
            Expression::LocalVariable(handle) => *frame.locals.get(&handle)?,
            Expression::GlobalVariable(handle) => *self.globals.get(&handle)?,
            Expression::FunctionArgument(i) => match frame.arguments.get(i as usize)? {
                Argument::Pointer(Pointee { ty, at: Storage::Slots { first, dynamic } }) => {
                    let span = dynamic.iter().fold(self.types.leaf_count(ty)?, |n, d| n.max(d.count * d.stride));
                    Root::Slots { first: *first, count: span }
                }
                _ => return None,
            },
            _ => return None,
        };
        match root {
            Root::Slots { first, count } => Some((first, count)),
            Root::Memory(_) => None,
        }
    }

    /// Whether a pointer expression points into slots or memory that stores may go to.
    pub fn is_pointer(&self, frame: &Frame<'a>, expression: Handle<Expression>) -> bool {
        let inner = frame.info[expression].ty.inner_with(&self.module.types);
        inner.pointer_space().is_some_and(|space| space != AddressSpace::Handle)
    }
}

impl Indexed {
    fn note(&mut self, fun: &naga::Function, root: Handle<Expression>) {
        match fun.expressions[root] {
            Expression::LocalVariable(local) => {
                self.locals.insert(local);
            }
            Expression::FunctionArgument(i) => {
                self.arguments.insert(i);
            }
            _ => {}
        }
    }
}

/// Whether anything uses an expression.
fn info_uses(info: &FunctionInfo, expression: Handle<Expression>) -> bool {
    info[expression].ref_count > 0
}
