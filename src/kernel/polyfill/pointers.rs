//! Pointers to `storage`, `uniform` and `workgroup` memory as parameters.
//!
//! naga refuses them, and SPIR-V has them only as an extension. A function with such parameters is copied for each way
//! in which it is called: the pointer is made anew in the copy, from the variable and its constant indices, and the
//! indices that are known only at run time become parameters.

use naga::{
    AddressSpace, Arena, Expression, Function, FunctionArgument, Handle, Module, Range, Scalar, Statement, Type,
    TypeInner,
    front::Typifier,
    proc::{ResolveContext, TypeResolution},
};
use rustc_hash::FxHashMap;

use crate::kernel::remap::{self, Call, Refused};

/// Replaces the functions that are passed such pointers. A module that has what compute kernels do not, or passes what
/// does not fit, stays as it is: the validator says what is wrong with it.
pub fn specialize(module: &mut Module) {
    if !module.functions.iter().any(|(_, function)| takes_pointers(module, function)) {
        return;
    }
    // The types of indices, which may become parameters.
    for scalar in [Scalar::U32, Scalar::I32] {
        module.types.insert(Type { name: None, inner: TypeInner::Scalar(scalar) }, naga::Span::UNDEFINED);
    }
    let copied = &*module;
    let mut copies = Copies { module: copied, functions: Arena::new(), made: FxHashMap::default(), depth: 0 };
    let mut entries = Vec::new();
    for entry in &copied.entry_points {
        match copies.function(&entry.function, &[]) {
            Ok(function) => entries.push(function),
            Err(_) => return,
        }
    }
    // What no entry point calls is still looked at by the validator, unless it takes such pointers.
    for (handle, function) in copied.functions.iter() {
        if !takes_pointers(copied, function) && copies.copy(handle, Vec::new()).is_err() {
            return;
        }
    }
    let functions = copies.functions;
    module.functions = functions;
    for (entry, function) in module.entry_points.iter_mut().zip(entries) {
        entry.function = function;
    }
}

fn takes_pointers(module: &Module, function: &Function) -> bool {
    function.arguments.iter().any(|argument| is_shared(&module.types[argument.ty].inner))
}

/// Whether a type is a pointer to memory that invocations share, or that the host sees.
fn is_shared(inner: &TypeInner) -> bool {
    matches!(
        inner.pointer_space(),
        Some(AddressSpace::Storage { .. } | AddressSpace::Uniform | AddressSpace::WorkGroup | AddressSpace::Immediate)
    )
}

/// What a pointer parameter points to in a copy: a variable, and how to come from there to the place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    variable: Handle<naga::GlobalVariable>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Known(u32),
    /// An index that is passed, and its type.
    Passed(Handle<Type>),
}

struct Copies<'a> {
    module: &'a Module,
    functions: Arena<Function>,
    made: FxHashMap<(Handle<Function>, Vec<Place>), Handle<Function>>,
    /// How many functions are being copied, each called by the one before.
    depth: usize,
}

/// Functions that call each other in a row, and copies of functions: no text makes this run deep or long.
const MAX_DEPTH: usize = 200;
const MAX_COPIES: usize = 4096;

impl Copies<'_> {
    /// The copy of a function whose pointer parameters are `places`.
    fn copy(&mut self, old: Handle<Function>, places: Vec<Place>) -> Result<Handle<Function>, Refused> {
        let key = (old, places);
        if let Some(&made) = self.made.get(&key) {
            return Ok(made);
        }
        if self.depth >= MAX_DEPTH || self.made.len() >= MAX_COPIES {
            return Err(Refused("too many functions"));
        }
        let module = self.module;
        self.depth += 1;
        let new = self.function(&module.functions[old], &key.1)?;
        self.depth -= 1;
        // Behind those that it calls, which were made on the way.
        let new = self.functions.append(new, module.functions.get_span(old));
        self.made.insert(key, new);
        Ok(new)
    }

    fn function(&mut self, old: &Function, places: &[Place]) -> Result<Function, Refused> {
        let mut maker = Maker::new(self, old, places)?;
        for (handle, expression) in old.expressions.iter() {
            maker.expression(handle, expression)?;
        }
        maker.finish()
    }
}

/// A function while it is copied.
struct Maker<'a, 'c> {
    copies: &'c mut Copies<'a>,
    old: &'c Function,
    new: Function,
    /// Expressions of the old function in the new one.
    map: Vec<Handle<Expression>>,
    /// The new pointers, for the old parameters that were.
    pointers: FxHashMap<u32, Handle<Expression>>,
    /// The new numbers of the parameters that are left.
    arguments: Vec<u32>,
    typifier: Typifier,
}

impl<'a, 'c> Maker<'a, 'c> {
    fn new(copies: &'c mut Copies<'a>, old: &'c Function, places: &[Place]) -> Result<Self, Refused> {
        let mut new = Function {
            name: old.name.clone(),
            result: old.result.clone(),
            local_variables: old.local_variables.clone(),
            diagnostic_filter_leaf: old.diagnostic_filter_leaf,
            ..Function::default()
        };
        let (mut pointers, mut arguments) = (Vec::new(), Vec::new());
        for (i, argument) in (0..).zip(&old.arguments) {
            arguments.push(new.arguments.len() as u32);
            if is_shared(&copies.module.types[argument.ty].inner) {
                pointers.push(i);
            } else {
                new.arguments.push(argument.clone());
            }
        }
        if pointers.len() != places.len() {
            return Err(Refused("a call with other arguments"));
        }
        let mut maker = Maker {
            copies,
            old,
            new,
            map: Vec::with_capacity(old.expressions.len()),
            pointers: FxHashMap::default(),
            arguments,
            typifier: Typifier::new(),
        };
        for (argument, place) in pointers.into_iter().zip(places) {
            let pointer = maker.pointer(place);
            maker.pointers.insert(argument, pointer);
        }
        Ok(maker)
    }

    /// A pointer to `place`, made at the start of the function.
    fn pointer(&mut self, place: &Place) -> Handle<Expression> {
        let span = naga::Span::UNDEFINED;
        let mut base = self.new.expressions.append(Expression::GlobalVariable(place.variable), span);
        for step in &place.steps {
            let step = match *step {
                Step::Known(index) => Expression::AccessIndex { base, index },
                Step::Passed(ty) => {
                    let argument = self.new.arguments.len() as u32;
                    self.new.arguments.push(FunctionArgument { name: None, ty, binding: None });
                    let index = self.new.expressions.append(Expression::FunctionArgument(argument), span);
                    Expression::Access { base, index }
                }
            };
            let before = self.new.expressions.len();
            base = self.new.expressions.append(step, span);
            self.new.body.push(Statement::Emit(self.new.expressions.range_from(before)), span);
        }
        base
    }

    fn expression(&mut self, handle: Handle<Expression>, old: &Expression) -> Result<(), Refused> {
        let new = match *old {
            Expression::FunctionArgument(argument) => match self.pointers.get(&argument) {
                // In the place of the argument stands something that needs no `Emit`, so that ranges stay whole.
                Some(&pointer) => {
                    self.new.expressions.append(Expression::Literal(naga::Literal::U32(0)), naga::Span::UNDEFINED);
                    self.map.push(pointer);
                    return Ok(());
                }
                None => Expression::FunctionArgument(self.arguments[argument as usize]),
            },
            // The result of a call names the function, which is known when the call is made.
            Expression::CallResult(_) => old.clone(),
            _ => remap::expression(old, &mut |operand| Ok(self.map[operand.index()]))?,
        };
        let span = self.old.expressions.get_span(handle);
        self.map.push(self.new.expressions.append(new, span));
        Ok(())
    }

    fn finish(mut self) -> Result<Function, Refused> {
        let old = self.old;
        for (handle, local) in old.local_variables.iter() {
            self.new.local_variables.get_mut(handle).init = local.init.map(|init| self.map[init.index()]);
        }
        for (handle, name) in &old.named_expressions {
            self.new.named_expressions.insert(self.map[handle.index()], name.clone());
        }
        let shift = (self.new.expressions.len() - old.expressions.len()) as u32;
        let (expressions, map) = (self.new.expressions.clone(), self.map.clone());
        let mut results = Vec::new();
        let body = remap::block(
            &old.body,
            &mut |handle| Ok(map[handle.index()]),
            &mut |range| {
                let range = range.index_range();
                Range::from_index_range(range.start + shift..range.end + shift, &expressions)
            },
            &mut |call| {
                let call = self.call(call)?;
                results.extend(call.result.map(|result| (result, call.function)));
                Ok(call)
            },
        )?;
        for (result, function) in results {
            *self.new.expressions.get_mut(result) = Expression::CallResult(function);
        }
        self.new.body.extend_block(body);
        Ok(self.new)
    }

    /// A call of the copy that fits.
    fn call(&mut self, old: Call) -> Result<Call, Refused> {
        let module = self.copies.module;
        let callee = &module.functions[old.function];
        if callee.arguments.len() != old.arguments.len() {
            return Err(Refused("a call with other arguments"));
        }
        let (mut arguments, mut indices, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (&argument, parameter) in old.arguments.iter().zip(&callee.arguments) {
            let new = self.map[argument.index()];
            let wanted = &module.types[parameter.ty].inner;
            if !is_shared(wanted) {
                arguments.push(new);
                continue;
            }
            if !self.points_to(new, wanted) {
                return Err(Refused("a pointer of another type"));
            }
            places.push(self.place(new, &mut indices)?);
        }
        arguments.extend(indices);
        let result = old.result.map(|result| self.map[result.index()]);
        Ok(Call { function: self.copies.copy(old.function, places)?, arguments, result })
    }

    fn inner(&mut self, handle: Handle<Expression>) -> Option<TypeInner> {
        let types = &self.copies.module.types;
        self.resolve(handle).map(|ty| ty.inner_with(types).clone())
    }

    fn resolve(&mut self, handle: Handle<Expression>) -> Option<&TypeResolution> {
        let context = ResolveContext::with_locals(self.copies.module, &self.new.local_variables, &self.new.arguments);
        self.typifier.grow(handle, &self.new.expressions, &context).ok()?;
        Some(&self.typifier[handle])
    }

    /// Whether `pointer` has the type that a parameter wants.
    fn points_to(&mut self, pointer: Handle<Expression>, wanted: &TypeInner) -> bool {
        let types = &self.copies.module.types;
        match (self.inner(pointer), wanted) {
            (Some(TypeInner::Pointer { base, space }), &TypeInner::Pointer { base: other, space: wanted }) => {
                space == wanted && (base == other || types[base].inner == types[other].inner)
            }
            (
                Some(TypeInner::ValuePointer { size: None, scalar, space }),
                &TypeInner::Pointer { base, space: wanted },
            ) => space == wanted && types[base].inner == TypeInner::Scalar(scalar),
            (Some(inner), wanted) => inner == *wanted,
            (None, _) => false,
        }
    }

    /// Where a pointer of the new function points; indices that are known only at run time are added to `indices`.
    fn place(&mut self, pointer: Handle<Expression>, indices: &mut Vec<Handle<Expression>>) -> Result<Place, Refused> {
        let (base, step) = match self.new.expressions[pointer] {
            Expression::GlobalVariable(variable) => return Ok(Place { variable, steps: Vec::new() }),
            Expression::AccessIndex { base, index } => (base, Step::Known(index)),
            Expression::Access { base, index } => {
                let known = self.inner(index).ok_or(Refused("an index without a type"))?;
                let ty = self.copies.module.types.iter().find(|(_, ty)| ty.inner == known && ty.name.is_none());
                (base, Step::Passed(ty.ok_or(Refused("an index of a type that the module does not have"))?.0))
            }
            _ => return Err(Refused("a pointer that is no access")),
        };
        let mut place = self.place(base, indices)?;
        if let (Step::Passed(_), Expression::Access { index, .. }) = (step, &self.new.expressions[pointer]) {
            indices.push(*index);
        }
        place.steps.push(step);
        Ok(place)
    }
}
