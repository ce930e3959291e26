//! Inputs of compute entry points that are computed: linear indices of `linear_indexing`, and places in the subgroup in
//! workgroups of two and three dimensions, which naga refuses there.
//!
//! The entry point becomes an ordinary function. A new one in its place has the inputs that the others follow from, and
//! calls it.

use naga::{
    AtomicFunction, BinaryOperator, Binding, Block, BuiltIn, CollectiveOperation, Expression, Function,
    FunctionArgument, GatherMode, GlobalVariable, Handle, Literal, LocalVariable, Module, Scalar, ScalarKind,
    ShaderStage, Span, Statement, SubgroupOperation, Type, TypeInner, VectorSize,
};

use crate::kernel::text::{GLOBAL_INDEX, WORKGROUP_INDEX};

/// Gives each compute entry point that has such inputs a new one around it.
pub fn compute(module: &mut Module) {
    for entry in 0..module.entry_points.len() {
        let point = &module.entry_points[entry];
        if point.stage != ShaderStage::Compute {
            continue;
        }
        let open = point.workgroup_size_overrides.is_some_and(|[_, y, z]| y.is_some() || z.is_some());
        let deep = open || point.workgroup_size[1..].iter().any(|&size| size > 1);
        let Some(inputs) = inputs(module, entry) else { continue };
        if inputs.iter().any(|&(builtin, _)| is_computed(builtin, deep)) {
            wrap(module, entry, deep);
        }
    }
}

fn is_computed(builtin: BuiltIn, deep: bool) -> bool {
    let in_subgroup = matches!(builtin, BuiltIn::SubgroupId | BuiltIn::SubgroupInvocationId);
    builtin == GLOBAL_INDEX || builtin == WORKGROUP_INDEX || in_subgroup && deep
}

/// All inputs of an entry point with their types; nothing where one is no built-in, which is an error elsewhere.
fn inputs(module: &Module, entry: usize) -> Option<Vec<(BuiltIn, Handle<Type>)>> {
    let mut inputs = Vec::new();
    for argument in &module.entry_points[entry].function.arguments {
        match (&argument.binding, &module.types[argument.ty].inner) {
            (Some(Binding::BuiltIn(builtin)), _) => inputs.push((*builtin, argument.ty)),
            (None, TypeInner::Struct { members, .. }) => {
                for member in members {
                    match member.binding {
                        Some(Binding::BuiltIn(builtin)) => inputs.push((builtin, member.ty)),
                        _ => return None,
                    }
                }
            }
            _ => return None,
        }
    }
    Some(inputs)
}

fn wrap(module: &mut Module, entry: usize, deep: bool) {
    let span = Span::UNDEFINED;
    let Some(inputs) = inputs(module, entry) else { return };
    let name = module.entry_points[entry].name.clone();
    let mut body = std::mem::take(&mut module.entry_points[entry].function);
    let old = body.arguments.clone();
    body.name = Some(format!("{name}_with_inputs"));
    for argument in &mut body.arguments {
        argument.binding = None;
    }
    let body = module.functions.append(body, span);
    let scalar = module.types.insert(Type { name: None, inner: TypeInner::Scalar(Scalar::U32) }, span);
    let inner = TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 };
    let vector = module.types.insert(Type { name: None, inner }, span);

    let mut given: Vec<(BuiltIn, Handle<Type>)> =
        inputs.iter().copied().filter(|&(builtin, _)| !is_computed(builtin, deep)).collect();
    let mut need = |builtin: BuiltIn, ty| {
        if !given.iter().any(|known| known.0 == builtin) {
            given.push((builtin, ty));
        }
    };
    for (builtin, _) in &inputs {
        match *builtin {
            GLOBAL_INDEX => need(BuiltIn::GlobalInvocationId, vector),
            WORKGROUP_INDEX => need(BuiltIn::WorkGroupId, vector),
            _ => continue,
        }
        need(BuiltIn::NumWorkGroups, vector);
    }
    let needs_counter = deep && inputs.iter().any(|input| input.0 == BuiltIn::SubgroupId);
    let counter = needs_counter.then(|| counter(module, &name));
    let mut wrapper = Wrapper { module, entry, scalar, counter, given: &given, new: Function::default() };
    wrapper.arguments();
    let passed = old.iter().map(|argument| wrapper.argument(argument, deep)).collect();
    wrapper.new.body.push(Statement::Call { function: body, arguments: passed, result: None }, span);
    wrapper.new.body.push(Statement::Return { value: None }, span);
    let new = wrapper.new;
    module.entry_points[entry].function = new;
}

/// A workgroup's count of the subgroups that have been numbered.
fn counter(module: &mut Module, name: &str) -> Handle<GlobalVariable> {
    let ty = module.types.insert(Type { name: None, inner: TypeInner::Atomic(Scalar::U32) }, Span::UNDEFINED);
    let variable = GlobalVariable {
        name: Some(format!("{name}_subgroups")),
        space: naga::AddressSpace::WorkGroup,
        binding: None,
        ty,
        init: None,
        memory_decorations: naga::MemoryDecorations::empty(),
    };
    module.global_variables.append(variable, Span::UNDEFINED)
}

/// The new entry point while it is built.
struct Wrapper<'a> {
    module: &'a Module,
    entry: usize,
    /// The type `u32`.
    scalar: Handle<Type>,
    counter: Option<Handle<GlobalVariable>>,
    given: &'a [(BuiltIn, Handle<Type>)],
    new: Function,
}

impl Wrapper<'_> {
    /// Declares the inputs, and the values that need no `Emit`.
    fn arguments(&mut self) {
        for (i, &(builtin, ty)) in (0..).zip(self.given) {
            let binding = Some(Binding::BuiltIn(builtin));
            self.new.arguments.push(FunctionArgument { name: None, ty, binding });
            self.new.expressions.append(Expression::FunctionArgument(i), Span::UNDEFINED);
        }
    }

    fn input(&self, builtin: BuiltIn) -> Handle<Expression> {
        let place = self.given.iter().position(|input| input.0 == builtin).expect("an input that is given");
        self.new.expressions.iter().nth(place).expect("an argument for each input").0
    }

    fn append(&mut self, expression: Expression) -> Handle<Expression> {
        self.new.expressions.append(expression, Span::UNDEFINED)
    }

    /// Adds an expression that is evaluated here.
    fn add(&mut self, expression: Expression) -> Handle<Expression> {
        let before = self.new.expressions.len();
        let handle = self.append(expression);
        let range = self.new.expressions.range_from(before);
        self.new.body.push(Statement::Emit(range), Span::UNDEFINED);
        handle
    }

    /// The argument as the author's function is to see it.
    fn argument(&mut self, argument: &FunctionArgument, deep: bool) -> Handle<Expression> {
        if let Some(Binding::BuiltIn(builtin)) = argument.binding {
            return self.value(builtin, deep);
        }
        let module = self.module;
        let TypeInner::Struct { members, .. } = &module.types[argument.ty].inner else {
            unreachable!("an input is built in or a struct of such");
        };
        let mut components = Vec::with_capacity(members.len());
        for member in members {
            if let Some(Binding::BuiltIn(builtin)) = member.binding {
                components.push(self.value(builtin, deep));
            }
        }
        self.add(Expression::Compose { ty: argument.ty, components })
    }

    fn value(&mut self, builtin: BuiltIn, deep: bool) -> Handle<Expression> {
        match builtin {
            GLOBAL_INDEX => {
                let [x, y] = [0, 1].map(|axis| {
                    let (size, count) = (self.workgroup_size(axis), self.input(BuiltIn::NumWorkGroups));
                    let count = self.add(Expression::AccessIndex { base: count, index: axis });
                    self.binary(BinaryOperator::Multiply, size, count)
                });
                self.linear(BuiltIn::GlobalInvocationId, x, y)
            }
            WORKGROUP_INDEX => {
                let count = self.input(BuiltIn::NumWorkGroups);
                let [x, y] = [0, 1].map(|index| self.add(Expression::AccessIndex { base: count, index }));
                self.linear(BuiltIn::WorkGroupId, x, y)
            }
            BuiltIn::SubgroupInvocationId if deep => self.place_in_subgroup(),
            BuiltIn::SubgroupId if deep => self.number_of_subgroup(),
            _ => self.input(builtin),
        }
    }

    /// `id.x + id.y * x + id.z * x * y`
    fn linear(&mut self, id: BuiltIn, x: Handle<Expression>, y: Handle<Expression>) -> Handle<Expression> {
        let id = self.input(id);
        let [a, b, c] = [0, 1, 2].map(|index| self.add(Expression::AccessIndex { base: id, index }));
        let slice = self.binary(BinaryOperator::Multiply, x, y);
        let row = self.binary(BinaryOperator::Multiply, b, x);
        let layer = self.binary(BinaryOperator::Multiply, c, slice);
        let sum = self.binary(BinaryOperator::Add, a, row);
        self.binary(BinaryOperator::Add, sum, layer)
    }

    fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        self.add(Expression::Binary { op, left, right })
    }

    /// An extent of the workgroup, which may depend on overrides.
    fn workgroup_size(&mut self, axis: u32) -> Handle<Expression> {
        let point = &self.module.entry_points[self.entry];
        match point.workgroup_size_overrides.and_then(|sizes| sizes[axis as usize]) {
            Some(size) => {
                let expr = self.copy(size);
                self.add(Expression::As { expr, kind: ScalarKind::Uint, convert: Some(4) })
            }
            None => self.append(Expression::Literal(Literal::U32(point.workgroup_size[axis as usize]))),
        }
    }

    /// A copy of a scalar expression of the module.
    fn copy(&mut self, global: Handle<Expression>) -> Handle<Expression> {
        let module = self.module;
        match module.global_expressions[global].clone() {
            Expression::Unary { op, expr } => {
                let expr = self.copy(expr);
                self.add(Expression::Unary { op, expr })
            }
            Expression::Binary { op, left, right } => {
                let (left, right) = (self.copy(left), self.copy(right));
                self.binary(op, left, right)
            }
            Expression::As { expr, kind, convert } => {
                let expr = self.copy(expr);
                self.add(Expression::As { expr, kind, convert })
            }
            Expression::Select { condition, accept, reject } => {
                let [condition, accept, reject] = [condition, accept, reject].map(|part| self.copy(part));
                self.add(Expression::Select { condition, accept, reject })
            }
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let arg = self.copy(arg);
                let [arg1, arg2, arg3] = [arg1, arg2, arg3].map(|arg| arg.map(|arg| self.copy(arg)));
                self.add(Expression::Math { fun, arg, arg1, arg2, arg3 })
            }
            // Literals, constants and overrides, which need no `Emit`. The validator refuses what else there may be.
            other => self.append(other),
        }
    }

    /// How many invocations of the subgroup stand before this one. All of them come here.
    fn place_in_subgroup(&mut self) -> Handle<Expression> {
        let argument = self.append(Expression::Literal(Literal::U32(1)));
        let result = self.append(Expression::SubgroupOperationResult { ty: self.scalar });
        let (op, collective_op) = (SubgroupOperation::Add, CollectiveOperation::ExclusiveScan);
        let count = Statement::SubgroupCollectiveOperation { op, collective_op, argument, result };
        self.new.body.push(count, Span::UNDEFINED);
        result
    }

    /// Subgroups are numbered as they come: the first invocation of each draws a number, and tells it to the others.
    fn number_of_subgroup(&mut self) -> Handle<Expression> {
        let span = Span::UNDEFINED;
        let place = self.place_in_subgroup();
        let (zero, one) =
            (self.append(Expression::Literal(Literal::U32(0))), self.append(Expression::Literal(Literal::U32(1))));
        let condition = self.binary(BinaryOperator::Equal, place, zero);
        let counter = self.counter.expect("a counter where subgroups are numbered");
        let pointer = self.append(Expression::GlobalVariable(counter));
        let result = self.append(Expression::AtomicResult { ty: self.scalar, comparison: false });
        let local = LocalVariable { name: None, ty: self.scalar, init: None };
        let local = self.new.local_variables.append(local, span);
        let local = self.append(Expression::LocalVariable(local));
        let mut accept = Block::new();
        let fun = AtomicFunction::Add;
        accept.push(Statement::Atomic { pointer, fun, value: one, result: Some(result) }, span);
        accept.push(Statement::Store { pointer: local, value: result }, span);
        self.new.body.push(Statement::If { condition, accept, reject: Block::new() }, span);
        let argument = self.add(Expression::Load { pointer: local });
        let result = self.append(Expression::SubgroupOperationResult { ty: self.scalar });
        let mode = GatherMode::BroadcastFirst;
        self.new.body.push(Statement::SubgroupGather { mode, argument, result }, span);
        result
    }
}
