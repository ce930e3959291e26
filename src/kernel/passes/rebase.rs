//! *Rebase*, its part outside of the author's functions: ids are those of the whole grid.
//!
//! The entry point becomes an ordinary function, and a new entry point in its place calls it with
//! moved ids: `global_invocation_id` and `workgroup_id` gain the tile's origin, `num_workgroups` is
//! that of the whole grid.

use naga::{
    Arena, BinaryOperator, Binding, Block, BuiltIn, Expression, Function, FunctionArgument, GlobalVariable, Handle,
    Literal, Module, RelationalFunction, Scalar, Span, Statement, Type, TypeInner, VectorSize,
};

use super::tile;

/// Whether one of these is `global_invocation_id`, and all others are nothing that moves.
pub(super) fn has_global_id(arguments: &[FunctionArgument]) -> bool {
    let global =
        |argument: &FunctionArgument| matches!(argument.binding, Some(Binding::BuiltIn(BuiltIn::GlobalInvocationId)));
    let (own, others): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| global(argument));
    own.len() == 1 && others.iter().all(|argument| argument.binding.is_some() && !moves(argument.binding.as_ref()))
}

/// Makes entry point number `entry` run as a tile, the place of which the uniform `tile` holds. If it `is_bounded`, invocations do
/// nothing whose id is not below the uniform's `whole`.
pub(super) fn move_ids(module: &mut Module, entry: usize, tile: Handle<GlobalVariable>, is_bounded: bool) {
    let vec3u = module.types.insert(
        Type { name: None, inner: TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 } },
        Span::UNDEFINED,
    );
    let point = &mut module.entry_points[entry];
    let workgroup_size = point.workgroup_size;
    let mut body = std::mem::take(&mut point.function);
    let arguments = body.arguments.clone();
    body.name = Some(format!("{}_in_tile", point.name));
    for argument in &mut body.arguments {
        argument.binding = None;
    }
    let body = module.functions.append(body, Span::UNDEFINED);

    let wrapper = Wrapper::new(module, vec3u, tile, workgroup_size, &arguments);
    module.entry_points[entry].function = wrapper.finish(arguments, body, is_bounded);
}

/// The new entry point while it is built.
struct Wrapper<'a> {
    module: &'a Module,
    vec3u: Handle<Type>,
    expressions: Arena<Expression>,
    /// The arguments as the device gives them.
    given: Vec<Handle<Expression>>,
    tile: Handle<Expression>,
    size: [Handle<Expression>; 3],
    /// Expressions before this count are not emitted.
    first_emitted: usize,
}

impl<'a> Wrapper<'a> {
    fn new(
        module: &'a Module,
        vec3u: Handle<Type>,
        tile: Handle<GlobalVariable>,
        workgroup_size: [u32; 3],
        arguments: &[FunctionArgument],
    ) -> Self {
        let mut expressions = Arena::new();
        let given = (0..arguments.len() as u32)
            .map(|i| expressions.append(Expression::FunctionArgument(i), Span::UNDEFINED))
            .collect();
        let tile = expressions.append(Expression::GlobalVariable(tile), Span::UNDEFINED);
        let size = workgroup_size.map(|n| expressions.append(Expression::Literal(Literal::U32(n)), Span::UNDEFINED));
        let first_emitted = expressions.len();
        Wrapper { module, vec3u, expressions, given, tile, size, first_emitted }
    }

    fn finish(mut self, arguments: Vec<FunctionArgument>, body: Handle<Function>, is_bounded: bool) -> Function {
        let passed: Vec<_> =
            arguments.iter().zip(self.given.clone()).map(|(argument, value)| self.argument(argument, value)).collect();
        let global = |argument: &FunctionArgument| {
            matches!(argument.binding, Some(Binding::BuiltIn(BuiltIn::GlobalInvocationId)))
        };
        let id = arguments.iter().position(global).filter(|_| is_bounded).map(|place| passed[place]);
        let beside = id.map(|id| {
            let whole = self.load(tile::WHOLE);
            let beside = self.binary(BinaryOperator::GreaterEqual, id, whole);
            self.add(Expression::Relational { fun: RelationalFunction::Any, argument: beside })
        });
        let mut block = Block::new();
        if self.expressions.len() > self.first_emitted {
            let range = self.expressions.range_from(self.first_emitted);
            block.push(Statement::Emit(range), Span::UNDEFINED);
        }
        if let Some(condition) = beside {
            let accept = Block::from_vec(vec![Statement::Return { value: None }]);
            block.push(Statement::If { condition, accept, reject: Block::new() }, Span::UNDEFINED);
        }
        let call = Statement::Call { function: body, arguments: passed, result: None };
        block.push(call, Span::UNDEFINED);
        block.push(Statement::Return { value: None }, Span::UNDEFINED);
        Function { arguments, expressions: self.expressions, body: block, ..Function::default() }
    }

    fn add(&mut self, expression: Expression) -> Handle<Expression> {
        self.expressions.append(expression, Span::UNDEFINED)
    }

    /// The argument as the author's function is to see it.
    fn argument(&mut self, argument: &FunctionArgument, value: Handle<Expression>) -> Handle<Expression> {
        if argument.binding.is_some() {
            return self.moved(argument.binding.as_ref(), value);
        }
        let TypeInner::Struct { members, .. } = &self.module.types[argument.ty].inner else {
            return value;
        };
        if !members.iter().any(|member| moves(member.binding.as_ref())) {
            return value;
        }
        let mut components = Vec::with_capacity(members.len());
        for (index, member) in (0..).zip(members) {
            let field = self.add(Expression::AccessIndex { base: value, index });
            components.push(self.moved(member.binding.as_ref(), field));
        }
        self.add(Expression::Compose { ty: argument.ty, components })
    }

    /// `value`, the builtin that `binding` names, as it is in the whole grid.
    fn moved(&mut self, binding: Option<&Binding>, value: Handle<Expression>) -> Handle<Expression> {
        let Some(&Binding::BuiltIn(builtin)) = binding else { return value };
        match builtin {
            BuiltIn::GlobalInvocationId => {
                let origin = self.load(tile::ORIGIN);
                let components = self.size.to_vec();
                let size = self.add(Expression::Compose { ty: self.vec3u, components });
                let offset = self.binary(BinaryOperator::Multiply, origin, size);
                self.binary(BinaryOperator::Add, value, offset)
            }
            BuiltIn::WorkGroupId => {
                let origin = self.load(tile::ORIGIN);
                self.binary(BinaryOperator::Add, value, origin)
            }
            BuiltIn::NumWorkGroups => self.load(tile::WHOLE),
            _ => value,
        }
    }

    fn load(&mut self, index: u32) -> Handle<Expression> {
        let pointer = self.add(Expression::AccessIndex { base: self.tile, index });
        self.add(Expression::Load { pointer })
    }

    fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        self.add(Expression::Binary { op, left, right })
    }
}

/// Whether a tile sees another value of this builtin than the whole grid.
fn moves(binding: Option<&Binding>) -> bool {
    matches!(
        binding,
        Some(Binding::BuiltIn(BuiltIn::GlobalInvocationId | BuiltIn::WorkGroupId | BuiltIn::NumWorkGroups))
    )
}
