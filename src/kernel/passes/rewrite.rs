//! Makes functions anew with guarded and moved accesses.
//!
//! The new expressions are made in the order of the old ones, each with what it needs in front of it; where an old
//! expression was emitted, the new ones are. A pointer has up to two new forms. The plain one serves accesses that are
//! proven. The *guarded* one has indices that are in bounds whatever happens (zero where they would not be), and beside
//! it stands the condition that they were: loads choose between what is there and zero, stores and atomics happen if it
//! holds. Indices and lengths are values that do not change, so the condition may be worked out where the pointer is. A
//! function to which a pointer that may be out of bounds is passed gets the condition as one more argument.

use naga::{
    Arena, BinaryOperator, Block, Expression, Function, FunctionArgument, GlobalVariable, Handle, Literal,
    LocalVariable, MathFunction, Module, Scalar, ScalarKind, Span, Statement, Type, TypeInner, UniqueArena, VectorSize,
    proc::TypeResolution, valid::ModuleInfo,
};
use rustc_hash::FxHashMap;

use super::{
    Guard, Refused, Variant,
    fuel::Fuel,
    sites::{FunctionView, Index, Length, Sites, checked_arguments},
    statement::{append, block_of},
    tile,
    watch::{Construct, Watch},
};
use crate::kernel::{powers, remap};

/// Rewrites all functions of `module` into `adapted`, which is a copy of it.
pub(super) fn functions(
    adapted: &mut Module,
    module: &Module,
    info: &ModuleInfo,
    bindings: &[Handle<GlobalVariable>],
    variant: &Variant,
    tile: Option<Handle<GlobalVariable>>,
    ends: Ends<'_>,
) -> Result<(), Refused> {
    let checked = checked_arguments(module, info);
    let Ends { fuel, watch } = ends;
    let context = Context { module, bindings, variant, tile, fuel, watch, checked: &checked };
    for (handle, fun) in module.functions.iter() {
        let view = FunctionView { module, fun, info: &info[handle] };
        let new =
            Rewriter::new(context, view, Some(handle), &mut adapted.types, &mut adapted.global_variables).function()?;
        *adapted.functions.get_mut(handle) = new;
    }
    for (i, entry) in module.entry_points.iter().enumerate() {
        let view = FunctionView { module, fun: &entry.function, info: info.get_entry_point(i) };
        adapted.entry_points[i].function =
            Rewriter::new(context, view, None, &mut adapted.types, &mut adapted.global_variables).function()?;
    }
    Ok(())
}

/// Loops that end before their time.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub fuel: Option<&'a Fuel>,
    pub watch: Option<&'a Watch>,
}

/// What the functions of a module have in common.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    module: &'a Module,
    bindings: &'a [Handle<GlobalVariable>],
    variant: &'a Variant,
    tile: Option<Handle<GlobalVariable>>,
    pub fuel: Option<&'a Fuel>,
    pub watch: Option<&'a Watch>,
    pub checked: &'a FxHashMap<Handle<Function>, Vec<bool>>,
}

impl Context<'_> {
    /// Whether loops may end before their time, on which no proof counts.
    fn ends_early(&self) -> bool {
        self.fuel.is_some() || self.watch.is_some()
    }

    /// The binding that a variable is, if `flags` has it.
    fn binding(&self, variable: Handle<GlobalVariable>, flags: &[bool]) -> Option<u32> {
        let i = self.bindings.iter().position(|&binding| binding == variable)?;
        flags.get(i).copied().unwrap_or(false).then_some(i as u32)
    }
}

/// A pointer whose indices are in bounds, and whether they were so in the first place.
#[derive(Clone, Copy)]
pub(super) struct Guarded {
    pub pointer: Handle<Expression>,
    pub inside: Handle<Expression>,
}

/// What happens where an old expression was emitted.
pub(super) enum Step {
    Emit(Handle<Expression>),
    Do(Statement),
}

/// A function while it is made anew.
pub(super) struct Rewriter<'a, 't> {
    pub context: Context<'a>,
    pub view: FunctionView<'a>,
    is_entry: bool,
    sites: Sites<'a>,
    pub types: &'t mut UniqueArena<Type>,
    pub variables_of_module: &'t mut Arena<GlobalVariable>,
    /// For each old argument, whether it is a pointer that may be out of bounds.
    checked: &'a [bool],
    new: Function,
    /// The new form of each old expression, which of a pointer is the plain one.
    map: Vec<Option<Handle<Expression>>>,
    pub guarded: FxHashMap<Handle<Expression>, Guarded>,
    /// For old results of statements that are guarded, the results of the new statements.
    pub results: FxHashMap<Handle<Expression>, Handle<Expression>>,
    /// For old results of guarded atomics, the variables that hold them or zero.
    pub variables: FxHashMap<Handle<Expression>, Handle<Expression>>,
    /// What is to be done where each old expression is emitted.
    pub steps: Vec<Vec<Step>>,
    /// The steps of the expression that is being made.
    pub current: Vec<Step>,
    /// Expressions that are emitted at the start of the function.
    first: Vec<Handle<Expression>>,
    lengths: FxHashMap<Handle<GlobalVariable>, Handle<Expression>>,
    words: FxHashMap<Vec<u32>, Handle<Expression>>,
    /// The constructs around the current statement that `break` leaves.
    pub constructs: Vec<Construct>,
    /// Where loops are watched: the pointer to the word of the way out, and the variable for what is returned.
    pub way_out: Option<Handle<Expression>>,
    pub returned: Option<Handle<Expression>>,
    pub span: Span,
}

impl<'a, 't> Rewriter<'a, 't> {
    fn new(
        context: Context<'a>,
        view: FunctionView<'a>,
        handle: Option<Handle<Function>>,
        types: &'t mut UniqueArena<Type>,
        variables_of_module: &'t mut Arena<GlobalVariable>,
    ) -> Self {
        let fun = view.fun;
        let new = Function {
            name: fun.name.clone(),
            arguments: fun.arguments.clone(),
            result: fun.result.clone(),
            local_variables: fun.local_variables.clone(),
            expressions: Arena::new(),
            named_expressions: Default::default(),
            body: Block::new(),
            diagnostic_filter_leaf: fun.diagnostic_filter_leaf,
        };
        Rewriter {
            context,
            view,
            is_entry: handle.is_none(),
            sites: Sites::find(view, if context.ends_early() { &Guard::All } else { &context.variant.guard }, handle),
            types,
            variables_of_module,
            checked: handle.and_then(|handle| context.checked.get(&handle)).map_or(&[], Vec::as_slice),
            new,
            map: vec![None; fun.expressions.len()],
            guarded: FxHashMap::default(),
            results: FxHashMap::default(),
            variables: FxHashMap::default(),
            steps: Vec::with_capacity(fun.expressions.len()),
            current: Vec::new(),
            first: Vec::new(),
            lengths: FxHashMap::default(),
            words: FxHashMap::default(),
            constructs: Vec::new(),
            way_out: None,
            returned: None,
            span: Span::UNDEFINED,
        }
    }

    fn function(mut self) -> Result<Function, Refused> {
        let fun = self.view.fun;
        self.declare_conditions();
        for (handle, expression) in fun.expressions.iter() {
            self.span = fun.expressions.get_span(handle);
            let new = self.expression(handle, expression)?;
            self.map[handle.index()] = Some(new);
            self.steps.push(std::mem::take(&mut self.current));
        }
        for (handle, local) in fun.local_variables.iter() {
            let init = local.init.map(|init| self.mapped(init)).transpose()?;
            self.new.local_variables.get_mut(handle).init = init;
        }
        let body = self.block(&fun.body)?;
        let tanks = if self.is_entry { self.fill_tanks()? } else { Block::new() };
        let mut whole = Block::new();
        let first = self.first.iter().map(|&handle| Step::Emit(handle)).collect();
        append(&mut whole, first, Span::UNDEFINED);
        whole.extend_block(tanks);
        whole.extend_block(body);
        self.new.body = whole;
        for (handle, name) in &fun.named_expressions {
            if let Some(new) = self.map[handle.index()] {
                self.new.named_expressions.insert(new, name.clone());
            }
        }
        Ok(self.new)
    }

    /// The arguments that say whether pointers are in bounds.
    fn declare_conditions(&mut self) {
        let bool = self.scalar_type(Scalar::BOOL);
        for (i, _) in self.checked.iter().enumerate().filter(|(_, checked)| **checked) {
            let name = self.view.fun.arguments[i].name.as_deref().unwrap_or("pointer");
            let name = Some(format!("{name}_in_bounds"));
            self.new.arguments.push(FunctionArgument { name, ty: bool, binding: None });
        }
    }

    /// The new form of an old expression.
    pub fn mapped(&self, old: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        self.map[old.index()].ok_or(Refused("an expression that is used before it is there"))
    }

    /// The pointer for an access through `pointer`, and the condition for it to happen.
    pub fn through(
        &self,
        pointer: Handle<Expression>,
    ) -> Result<(Handle<Expression>, Option<Handle<Expression>>), Refused> {
        let plain = self.mapped(pointer)?;
        Ok(match self.guarded.get(&pointer) {
            Some(guarded) if !self.sites.is_proven(pointer) => (guarded.pointer, Some(guarded.inside)),
            _ => (plain, None),
        })
    }

    /// The condition for the statement that gives this result.
    fn result_condition(&self, result: Handle<Expression>) -> Result<Option<Handle<Expression>>, Refused> {
        match self.sites.results.get(&result) {
            Some(&pointer) => Ok(self.through(pointer)?.1),
            None => Ok(None),
        }
    }

    /// Makes the new form of an old expression.
    fn expression(&mut self, handle: Handle<Expression>, old: &Expression) -> Result<Handle<Expression>, Refused> {
        match *old {
            Expression::Access { .. } | Expression::AccessIndex { .. } if self.view.is_pointer(handle) => {
                self.pointer(handle)
            }
            Expression::Access { base, .. } => self.part(handle, base),
            Expression::FunctionArgument(i) => {
                let pointer = self.add(Expression::FunctionArgument(i));
                if let Some(argument) = self.condition_argument(i) {
                    let inside = self.add(Expression::FunctionArgument(argument));
                    self.guarded.insert(handle, Guarded { pointer, inside });
                }
                Ok(pointer)
            }
            Expression::Load { pointer } => {
                let (pointer, inside) = self.through(pointer)?;
                let value = self.add(Expression::Load { pointer });
                Ok(self.or_zero(handle, value, inside))
            }
            Expression::ArrayLength(array) => {
                let Expression::GlobalVariable(variable) = self.view.fun.expressions[self.view.root(array)] else {
                    return Err(Refused("the length of an array that is not in a binding"));
                };
                match self.context.binding(variable, &self.context.variant.logical_length) {
                    Some(_) => self.runtime_length(variable),
                    None => self.copy(old),
                }
            }
            Expression::WorkGroupUniformLoadResult { .. } => {
                let result = self.copy(old)?;
                let inside = self.result_condition(handle)?;
                self.results.insert(handle, result);
                Ok(self.or_zero(handle, result, inside))
            }
            Expression::AtomicResult { ty, .. } => {
                let result = self.copy(old)?;
                if self.result_condition(handle)?.is_none() {
                    return Ok(result);
                }
                let variable = self.variable(ty);
                self.results.insert(handle, result);
                self.variables.insert(handle, variable);
                Ok(self.add(Expression::Load { pointer: variable }))
            }
            Expression::Binary { op: op @ (BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight), left, right } => {
                self.shift(op, left, right)
            }
            Expression::Math { fun: MathFunction::Pack4xI8Clamp, arg, .. } => {
                self.pack_clamped(MathFunction::Pack4xI8, arg, Literal::I32(-128), Literal::I32(127))
            }
            Expression::Math { fun: MathFunction::Pack4xU8Clamp, arg, .. } => {
                self.pack_clamped(MathFunction::Pack4xU8, arg, Literal::U32(0), Literal::U32(255))
            }
            Expression::Math { fun: MathFunction::Pow, arg, arg1: Some(exponent), .. } => {
                match powers::whole_exponent(self.view.module, &self.view.fun.expressions, exponent) {
                    Some(n) => self.whole_power(handle, arg, n),
                    None => self.copy(old),
                }
            }
            _ => self.copy(old),
        }
    }

    /// A shift by an amount modulo the bits of what is shifted, as WGSL says and SPIR-V does not.
    fn shift(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Result<Handle<Expression>, Refused> {
        let (value, amount) = (self.mapped(left)?, self.mapped(right)?);
        let bits = 8 * self.view.inner(left).scalar().map_or(4, |scalar| u32::from(scalar.width));
        if let Expression::Literal(Literal::U32(known)) = self.view.fun.expressions[right]
            && known < bits
        {
            return Ok(self.binary(op, value, amount));
        }
        let mut mask = self.literal(Literal::U32(bits - 1));
        if let TypeInner::Vector { size, .. } = *self.view.info[right].ty.inner_with(&self.view.module.types) {
            mask = self.add(Expression::Splat { size, value: mask });
        }
        let amount = self.binary(BinaryOperator::And, amount, mask);
        Ok(self.binary(op, value, amount))
    }

    /// Components clamped, then packed. naga's SPIR-V clamps negative ones as unsigned integers by signed bounds, which
    /// some drivers take for unsigned bounds.
    fn pack_clamped(
        &mut self,
        pack: MathFunction,
        arg: Handle<Expression>,
        low: Literal,
        high: Literal,
    ) -> Result<Handle<Expression>, Refused> {
        let arg = self.mapped(arg)?;
        let [low, high] = [low, high].map(|bound| {
            let value = self.literal(bound);
            self.add(Expression::Splat { size: VectorSize::Quad, value })
        });
        let fun = MathFunction::Clamp;
        let arg = self.add(Expression::Math { fun, arg, arg1: Some(low), arg2: Some(high), arg3: None });
        Ok(self.add(Expression::Math { fun: pack, arg, arg1: None, arg2: None, arg3: None }))
    }

    /// The argument that says whether the pointer in argument `i` is in bounds, if that is not certain.
    fn condition_argument(&self, i: u32) -> Option<u32> {
        let checked = &self.checked[..self.checked.len().min(i as usize + 1)];
        let before = checked.iter().filter(|checked| **checked).count() as u32;
        let is_checked = checked.get(i as usize).copied().unwrap_or(false);
        is_checked.then(|| self.view.fun.arguments.len() as u32 + before - 1)
    }

    fn copy(&mut self, old: &Expression) -> Result<Handle<Expression>, Refused> {
        let new = remap::expression(old, &mut |operand| self.mapped(operand))?;
        Ok(self.add(new))
    }

    /// A pointer to a part of what another points to.
    fn pointer(&mut self, handle: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        let (base, index) = self.view.step(handle).ok_or(Refused("a pointer that is no access"))?;
        let slice = self.slice_start(base);
        let guarded = match self.sites.is_guarded(handle) {
            true => self.guard(handle, base, index, slice)?,
            false => None,
        };
        if let Some(guarded) = guarded {
            self.guarded.insert(handle, guarded);
        }
        match slice {
            None => self.copy(&self.view.fun.expressions[handle]),
            Some(start) => {
                let index = self.index(index)?;
                let index = self.binary(BinaryOperator::Subtract, index, start);
                let base = self.mapped(base)?;
                Ok(self.add(Expression::Access { base, index }))
            }
        }
    }

    /// The guarded form of a pointer; `None` if it is in bounds anyhow.
    fn guard(
        &mut self,
        handle: Handle<Expression>,
        base: Handle<Expression>,
        index: Index,
        slice: Option<Handle<Expression>>,
    ) -> Result<Option<Guarded>, Refused> {
        let before = self.guarded.get(&base).copied();
        let pointer = match before {
            Some(before) => before.pointer,
            None => self.mapped(base)?,
        };
        let Some(length) = self.view.open_length(base, index) else {
            let Some(Guarded { inside, .. }) = before else { return Ok(None) };
            let new = match self.view.fun.expressions[handle] {
                Expression::Access { index, .. } => Expression::Access { base: pointer, index: self.mapped(index)? },
                _ => match index {
                    Index::Known(index) => Expression::AccessIndex { base: pointer, index },
                    Index::Dynamic(_) => return Err(Refused("a pointer that is no access")),
                },
            };
            return Ok(Some(Guarded { pointer: self.add(new), inside }));
        };
        let index = self.index(index)?;
        let length = self.length(length, base)?;
        let mut own = self.binary(BinaryOperator::Less, index, length);
        let mut moved = index;
        if let Some(start) = slice {
            moved = self.binary(BinaryOperator::Subtract, index, start);
            if let (true, Expression::GlobalVariable(variable)) =
                (self.context.ends_early(), &self.view.fun.expressions[base])
            {
                let there = self.physical_length(*variable);
                let there = self.binary(BinaryOperator::Less, moved, there);
                own = self.binary(BinaryOperator::LogicalAnd, own, there);
            }
        }
        let inside = match before {
            Some(before) => self.binary(BinaryOperator::LogicalAnd, before.inside, own),
            None => own,
        };
        let index = self.index_or_zero(own, moved);
        let pointer = self.add(Expression::Access { base: pointer, index });
        Ok(Some(Guarded { pointer, inside }))
    }

    /// A part of a value, chosen by an index.
    fn part(&mut self, handle: Handle<Expression>, base: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        let (_, index) = self.view.step(handle).ok_or(Refused("a part that is no access"))?;
        let open = self.view.open_length(base, index).filter(|_| !self.sites.is_proven(base));
        let Some(length) = open else { return self.copy(&self.view.fun.expressions[handle]) };
        let index = self.index(index)?;
        let length = self.length(length, base)?;
        let inside = self.binary(BinaryOperator::Less, index, length);
        let index = self.index_or_zero(inside, index);
        let base = self.mapped(base)?;
        let value = self.add(Expression::Access { base, index });
        Ok(self.or_zero(handle, value, Some(inside)))
    }

    /// An index as `u32`: a negative one is larger than any length.
    fn index(&mut self, index: Index) -> Result<Handle<Expression>, Refused> {
        let old = match index {
            Index::Known(index) => return Ok(self.literal(Literal::U32(index))),
            Index::Dynamic(old) => old,
        };
        let expr = self.mapped(old)?;
        match self.view.inner(old).scalar_kind() {
            Some(ScalarKind::Sint) => Ok(self.add(Expression::As { expr, kind: ScalarKind::Uint, convert: None })),
            _ => Ok(expr),
        }
    }

    /// `index` where `inside` holds, else 0: every array has an element.
    fn index_or_zero(&mut self, inside: Handle<Expression>, index: Handle<Expression>) -> Handle<Expression> {
        let zero = self.literal(Literal::U32(0));
        self.add(Expression::Select { condition: inside, accept: index, reject: zero })
    }

    /// `value`, which has the type of the old expression `handle`, or zero where `inside` does not hold.
    fn or_zero(
        &mut self,
        handle: Handle<Expression>,
        value: Handle<Expression>,
        inside: Option<Handle<Expression>>,
    ) -> Handle<Expression> {
        let Some(condition) = inside else { return value };
        let ty = match &self.view.info[handle].ty {
            TypeResolution::Handle(ty) => *ty,
            TypeResolution::Value(inner) => {
                self.types.insert(Type { name: None, inner: inner.clone() }, Span::UNDEFINED)
            }
        };
        let zero = self.add(Expression::ZeroValue(ty));
        if let TypeInner::Scalar(_) | TypeInner::Vector { .. } = self.types[ty].inner {
            return self.add(Expression::Select { condition, accept: value, reject: zero });
        }
        let pointer = self.variable(ty);
        let store = |value| block_of(Statement::Store { pointer, value }, self.span);
        let choice = Statement::If { condition, accept: store(value), reject: store(zero) };
        self.current.push(Step::Do(choice));
        self.add(Expression::Load { pointer })
    }

    /// How many elements `base` has, where that is `length`.
    fn length(&mut self, length: Length, base: Handle<Expression>) -> Result<Handle<Expression>, Refused> {
        match length {
            Length::Known(length) => Ok(self.literal(Literal::U32(length))),
            Length::Runtime => match self.view.fun.expressions[self.view.root(base)] {
                Expression::GlobalVariable(variable) => self.runtime_length(variable),
                _ => Err(Refused("an array without a length that is not in a binding")),
            },
        }
    }

    /// The number of elements of the runtime-sized array that a binding is or ends in.
    fn runtime_length(&mut self, variable: Handle<GlobalVariable>) -> Result<Handle<Expression>, Refused> {
        if let Some(&known) = self.lengths.get(&variable) {
            return Ok(known);
        }
        let length = match self.context.binding(variable, &self.context.variant.logical_length) {
            Some(binding) => self.tile_word(&[tile::SLICES, binding, 1])?,
            None => self.physical_length(variable),
        };
        self.lengths.insert(variable, length);
        Ok(length)
    }

    /// The number of elements that are in the buffer.
    fn physical_length(&mut self, variable: Handle<GlobalVariable>) -> Handle<Expression> {
        let module = self.context.module;
        let mut array = self.add(Expression::GlobalVariable(variable));
        if let TypeInner::Struct { members, .. } = &module.types[module.global_variables[variable].ty].inner {
            let index = (members.len() as u32).saturating_sub(1);
            array = self.add_first(Expression::AccessIndex { base: array, index });
        }
        self.add_first(Expression::ArrayLength(array))
    }

    /// The first element that the tile has of a binding, if it has a slice of it and `base` is the whole of it.
    fn slice_start(&mut self, base: Handle<Expression>) -> Option<Handle<Expression>> {
        let Expression::GlobalVariable(variable) = self.view.fun.expressions[base] else { return None };
        let binding = self.context.binding(variable, &self.context.variant.sliced)?;
        self.tile_word(&[tile::SLICES, binding, 0]).ok()
    }

    /// The word at a path of the tile's uniform.
    pub fn tile_word(&mut self, path: &[u32]) -> Result<Handle<Expression>, Refused> {
        if let Some(&known) = self.words.get(path) {
            return Ok(known);
        }
        let tile = self.context.tile.ok_or(Refused("a tile without its uniform"))?;
        let mut pointer = self.add(Expression::GlobalVariable(tile));
        for &index in path {
            pointer = self.add_first(Expression::AccessIndex { base: pointer, index });
        }
        let value = self.add_first(Expression::Load { pointer });
        self.words.insert(path.to_vec(), value);
        Ok(value)
    }

    /// A new variable of type `ty`.
    pub fn variable(&mut self, ty: Handle<Type>) -> Handle<Expression> {
        let variable = self.new.local_variables.append(LocalVariable { name: None, ty, init: None }, self.span);
        self.add(Expression::LocalVariable(variable))
    }

    pub fn scalar_type(&mut self, scalar: Scalar) -> Handle<Type> {
        self.types.insert(Type { name: None, inner: TypeInner::Scalar(scalar) }, Span::UNDEFINED)
    }

    pub fn literal(&mut self, literal: Literal) -> Handle<Expression> {
        self.add(Expression::Literal(literal))
    }

    pub fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        self.add(Expression::Binary { op, left, right })
    }

    /// Adds an expression, which is emitted with the one that is being made.
    pub fn add(&mut self, expression: Expression) -> Handle<Expression> {
        let emitted = is_emitted(&expression);
        let handle = self.new.expressions.append(expression, self.span);
        if emitted {
            self.current.push(Step::Emit(handle));
        }
        handle
    }

    /// Adds an expression that is emitted at the start of the function.
    pub fn add_first(&mut self, expression: Expression) -> Handle<Expression> {
        let handle = self.new.expressions.append(expression, self.span);
        self.first.push(handle);
        handle
    }
}

/// Whether an expression is evaluated by an `Emit`: not what is there from the start, nor what statements give.
fn is_emitted(expression: &Expression) -> bool {
    let given = matches!(
        expression,
        Expression::CallResult(_)
            | Expression::AtomicResult { .. }
            | Expression::WorkGroupUniformLoadResult { .. }
            | Expression::SubgroupBallotResult
            | Expression::SubgroupOperationResult { .. }
    );
    !given && !expression.needs_pre_emit()
}
