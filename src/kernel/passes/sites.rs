//! Where functions access memory, and which of these accesses need a guard.

use naga::{
    ArraySize, Block, Expression, Function, Handle, Literal, Module, Statement, TypeInner,
    valid::{FunctionInfo, ModuleInfo},
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Guard;

/// The number of elements that an index must stay below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Known(u32),
    /// That of a binding's runtime-sized array.
    Runtime,
}

/// A function in its module.
#[derive(Clone, Copy)]
pub(super) struct FunctionView<'a> {
    pub module: &'a Module,
    pub fun: &'a Function,
    pub info: &'a FunctionInfo,
}

/// An index of an access.
#[derive(Clone, Copy)]
pub(super) enum Index {
    Known(u32),
    Dynamic(Handle<Expression>),
}

impl<'a> FunctionView<'a> {
    pub fn inner(&self, expression: Handle<Expression>) -> &'a TypeInner {
        self.info[expression].ty.inner_with(&self.module.types)
    }

    pub fn is_pointer(&self, expression: Handle<Expression>) -> bool {
        self.inner(expression).pointer_space().is_some()
    }

    /// The base and the index of an access expression.
    pub fn step(&self, expression: Handle<Expression>) -> Option<(Handle<Expression>, Index)> {
        match self.fun.expressions[expression] {
            Expression::AccessIndex { base, index } => Some((base, Index::Known(index))),
            Expression::Access { base, index } => Some((
                base,
                match self.constant(index) {
                    Some(known) => Index::Known(known),
                    None => Index::Dynamic(index),
                },
            )),
            _ => None,
        }
    }

    /// The value of a constant index.
    fn constant(&self, index: Handle<Expression>) -> Option<u32> {
        let literal = |literal: &Literal| match *literal {
            Literal::U32(value) => Some(value),
            Literal::I32(value) => u32::try_from(value).ok(),
            _ => None,
        };
        match &self.fun.expressions[index] {
            Expression::Literal(value) => literal(value),
            Expression::ZeroValue(_) => Some(0),
            Expression::Constant(constant) => {
                match &self.module.global_expressions[self.module.constants[*constant].init] {
                    Expression::Literal(value) => literal(value),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// How many elements a value, or what a pointer points to, has; `None` for what is not indexed, such as a struct.
    pub fn length(&self, base: Handle<Expression>) -> Option<Length> {
        let inner = match *self.inner(base) {
            TypeInner::Pointer { base, .. } => &self.module.types[base].inner,
            ref inner => inner,
        };
        match *inner {
            TypeInner::Vector { size, .. } | TypeInner::ValuePointer { size: Some(size), .. } => {
                Some(Length::Known(size as u32))
            }
            TypeInner::Matrix { columns, .. } => Some(Length::Known(columns as u32)),
            TypeInner::Array { size: ArraySize::Constant(count), .. } => Some(Length::Known(count.get())),
            TypeInner::Array { size: ArraySize::Dynamic, .. } => Some(Length::Runtime),
            _ => None,
        }
    }

    /// The length to compare the index of an access with, unless it is in bounds whatever happens.
    pub fn open_length(&self, base: Handle<Expression>, index: Index) -> Option<Length> {
        match (self.length(base)?, index) {
            (Length::Known(length), Index::Known(index)) if index < length => None,
            (length, _) => Some(length),
        }
    }

    /// The variable or argument that a pointer points into.
    pub fn root(&self, mut pointer: Handle<Expression>) -> Handle<Expression> {
        while let Some((base, _)) = self.step(pointer) {
            pointer = base;
        }
        pointer
    }

    /// Whether a pointer may be out of bounds by an index of its own, or as an argument that is among `checked`.
    fn may_be_out_of_bounds(&self, mut pointer: Handle<Expression>, checked: &[bool]) -> bool {
        while let Some((base, index)) = self.step(pointer) {
            if self.open_length(base, index).is_some() {
                return true;
            }
            pointer = base;
        }
        match self.fun.expressions[pointer] {
            Expression::FunctionArgument(i) => checked.get(i as usize).copied().unwrap_or(false),
            _ => false,
        }
    }
}

/// The accesses of a function to memory and to parts of values, by the pointer or the value that is accessed.
pub(super) struct Sites<'g> {
    guard: &'g Guard,
    function: Option<Handle<Function>>,
    /// How many accesses go through each pointer or into each value.
    counts: FxHashMap<Handle<Expression>, u32>,
    /// The pointers of the statements that give a result, by that result.
    pub results: FxHashMap<Handle<Expression>, Handle<Expression>>,
    /// The pointers that some guarded access, or a call, goes through, with those that they are made of.
    guarded: FxHashSet<Handle<Expression>>,
}

impl<'g> Sites<'g> {
    pub fn find(view: FunctionView<'_>, guard: &'g Guard, function: Option<Handle<Function>>) -> Self {
        let mut sites = Sites {
            guard,
            function,
            counts: FxHashMap::default(),
            results: FxHashMap::default(),
            guarded: FxHashSet::default(),
        };
        let mut pointers = Vec::new();
        for (_, expression) in view.fun.expressions.iter() {
            match *expression {
                Expression::Load { pointer } => pointers.push(pointer),
                Expression::Access { base, .. } if !view.is_pointer(base) => sites.count(base),
                _ => {}
            }
        }
        let mut passed = Vec::new();
        walk(&view.fun.body, &mut |statement| match *statement {
            Statement::Store { pointer, .. } => pointers.push(pointer),
            Statement::Atomic { pointer, result, .. } => {
                pointers.push(pointer);
                sites.results.extend(result.map(|result| (result, pointer)));
            }
            Statement::WorkGroupUniformLoad { pointer, result } => {
                pointers.push(pointer);
                sites.results.insert(result, pointer);
            }
            Statement::Call { ref arguments, .. } => {
                passed.extend(arguments.iter().copied().filter(|&argument| view.is_pointer(argument)));
            }
            _ => {}
        });
        pointers.iter().for_each(|&pointer| sites.count(pointer));
        pointers.retain(|&pointer| !sites.is_proven(pointer));
        for mut pointer in pointers.into_iter().chain(passed) {
            while sites.guarded.insert(pointer)
                && let Some((base, _)) = view.step(pointer)
            {
                pointer = base;
            }
        }
        sites
    }

    fn count(&mut self, base: Handle<Expression>) {
        *self.counts.entry(base).or_default() += 1;
    }

    /// Whether the one access through this pointer, or into this value, is in bounds.
    ///
    /// Where there are several, one that the proof does not know of may be among them.
    pub fn is_proven(&self, base: Handle<Expression>) -> bool {
        match self.guard {
            Guard::All => false,
            Guard::Unproven(proven) => {
                proven.contains(&(self.function, base)) && self.counts.get(&base).is_none_or(|&count| count == 1)
            }
        }
    }

    /// Whether a guarded form of this pointer is needed.
    pub fn is_guarded(&self, pointer: Handle<Expression>) -> bool {
        self.guarded.contains(&pointer)
    }
}

/// For each function, which of its arguments are pointers that may be out of bounds.
pub(super) fn checked_arguments(module: &Module, info: &ModuleInfo) -> FxHashMap<Handle<Function>, Vec<bool>> {
    let mut checked: FxHashMap<_, _> =
        module.functions.iter().map(|(handle, fun)| (handle, vec![false; fun.arguments.len()])).collect();
    let visit = |view: FunctionView<'_>, own: &[bool]| {
        let mut found = Vec::new();
        walk(&view.fun.body, &mut |statement| {
            let Statement::Call { function, ref arguments, .. } = *statement else { return };
            for (i, &argument) in arguments.iter().enumerate() {
                if view.is_pointer(argument) && view.may_be_out_of_bounds(argument, own) {
                    found.push((function, i));
                }
            }
        });
        found
    };
    let note = |found: Vec<(Handle<Function>, usize)>, checked: &mut FxHashMap<Handle<Function>, Vec<bool>>| {
        for (function, i) in found {
            if let Some(flag) = checked.get_mut(&function).and_then(|flags| flags.get_mut(i)) {
                *flag = true;
            }
        }
    };
    for (i, entry) in module.entry_points.iter().enumerate() {
        let view = FunctionView { module, fun: &entry.function, info: info.get_entry_point(i) };
        let found = visit(view, &[]);
        note(found, &mut checked);
    }
    // A function is called by those behind it only, so that all its callers are known when its turn comes.
    let mut functions: Vec<_> = module.functions.iter().collect();
    functions.reverse();
    for (handle, fun) in functions {
        let found = visit(FunctionView { module, fun, info: &info[handle] }, &checked[&handle]);
        note(found, &mut checked);
    }
    checked
}

/// Calls `visit` on every statement of a block and of the blocks inside it.
fn walk<'m>(block: &'m Block, visit: &mut impl FnMut(&'m Statement)) {
    for statement in block.iter() {
        visit(statement);
        match statement {
            Statement::Block(inner) => walk(inner, visit),
            Statement::If { accept, reject, .. } => {
                walk(accept, visit);
                walk(reject, visit);
            }
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| walk(&case.body, visit)),
            Statement::Loop { body, continuing, .. } => {
                walk(body, visit);
                walk(continuing, visit);
            }
            _ => {}
        }
    }
}
