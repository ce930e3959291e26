//! *Rebase*: makes one dispatch a tile of a larger grid.
//!
//! The entry point becomes an ordinary function, and a new entry point in its place calls it with
//! moved ids: `global_invocation_id` and `workgroup_id` gain the tile's origin, `num_workgroups` is
//! that of the whole grid. Nothing inside the author's function changes, so spans, names and
//! everything it calls stay as they were.

use naga::{
    AddressSpace, Arena, BinaryOperator, Binding, Block, BuiltIn, Expression, Function, FunctionArgument,
    GlobalVariable, Handle, Literal, Module, ResourceBinding, Scalar, Span, Statement, StructMember, Type, TypeInner,
    VectorSize,
};

/// What the rebased entry point reads from its uniform: where the tile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct TileOrigin {
    /// The tile's first workgroup.
    pub origin: [u32; 3],
    pad: u32,
    /// Workgroups of the whole grid.
    pub whole: [u32; 3],
    pad_end: u32,
}

impl TileOrigin {
    /// Size of the uniform in bytes.
    pub const BYTES: u64 = size_of::<TileOrigin>() as u64;

    /// The tile that starts at workgroup `origin` of a grid of `whole` workgroups.
    pub fn new(origin: [u32; 3], whole: [u32; 3]) -> Self {
        TileOrigin { origin, pad: 0, whole, pad_end: 0 }
    }
}

/// A copy of `module` whose entry point number `entry` runs as a tile of a larger grid, the place of
/// which it reads from a uniform ([`TileOrigin`]) bound at `place`.
///
/// `place` must not be in use by the entry point. Handles of globals, types and functions of `module`
/// mean the same in the result.
pub(crate) fn rebase(module: &Module, entry: usize, place: ResourceBinding) -> Module {
    let mut module = module.clone();
    let vec3u = module.types.insert(
        Type { name: None, inner: TypeInner::Vector { size: VectorSize::Tri, scalar: Scalar::U32 } },
        Span::UNDEFINED,
    );
    let member = |name: &str, offset| StructMember { name: Some(name.to_string()), ty: vec3u, binding: None, offset };
    let tile_type = module.types.insert(
        Type {
            name: Some("SwathTile".to_string()),
            inner: TypeInner::Struct {
                members: vec![member("origin", 0), member("whole", 16)],
                span: TileOrigin::BYTES as u32,
            },
        },
        Span::UNDEFINED,
    );
    let tile = module.global_variables.append(
        GlobalVariable {
            name: Some("swath_tile".to_string()),
            space: AddressSpace::Uniform,
            binding: Some(place),
            ty: tile_type,
            init: None,
            memory_decorations: naga::MemoryDecorations::empty(),
        },
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

    let wrapper = Wrapper::new(&module, vec3u, tile, workgroup_size, &arguments);
    module.entry_points[entry].function = wrapper.finish(arguments, body);
    module
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

    fn finish(mut self, arguments: Vec<FunctionArgument>, body: Handle<Function>) -> Function {
        let passed =
            arguments.iter().zip(self.given.clone()).map(|(argument, value)| self.argument(argument, value)).collect();
        let mut block = Block::new();
        if self.expressions.len() > self.first_emitted {
            let range = self.expressions.range_from(self.first_emitted);
            block.push(Statement::Emit(range), Span::UNDEFINED);
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
                let origin = self.load(0);
                let components = self.size.to_vec();
                let size = self.add(Expression::Compose { ty: self.vec3u, components });
                let offset = self.binary(BinaryOperator::Multiply, origin, size);
                self.binary(BinaryOperator::Add, value, offset)
            }
            BuiltIn::WorkGroupId => {
                let origin = self.load(0);
                self.binary(BinaryOperator::Add, value, origin)
            }
            BuiltIn::NumWorkGroups => self.load(1),
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

#[cfg(test)]
mod tests {
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    const PLACE: ResourceBinding = ResourceBinding { group: 3, binding: 7 };

    /// Rebases every entry point of `source`, in turn, and validates each result.
    fn rebased(source: &str) -> Vec<Module> {
        let module = naga::front::wgsl::parse_str(source).expect("the test's WGSL parses");
        (0..module.entry_points.len())
            .map(|entry| {
                let module = rebase(&module, entry, PLACE);
                Validator::new(ValidationFlags::all(), Capabilities::all())
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{}: {error:?}", module.entry_points[entry].name));
                module
            })
            .collect()
    }

    /// The builtins that an entry point receives, alone or in a struct.
    const EVERY_SHAPE: &str = "
        struct Ids {
            @builtin(local_invocation_id) lid: vec3<u32>,
            @builtin(workgroup_id) wid: vec3<u32>,
            @builtin(num_workgroups) count: vec3<u32>,
        }
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        var<workgroup> shared_sum: array<u32, 8>;
        fn meet(i: u32) -> u32 { shared_sum[i] = i; workgroupBarrier(); return shared_sum[7u - i]; }

        @compute @workgroup_size(8, 2, 1)
        fn alone(@builtin(global_invocation_id) gid: vec3<u32>) { out[gid.x] = gid.y; }

        @compute @workgroup_size(8)
        fn mixed(@builtin(global_invocation_id) gid: vec3<u32>, ids: Ids,
                 @builtin(local_invocation_index) index: u32) {
            if (ids.wid.x + 1u < ids.count.x) { out[gid.x] = meet(index) + ids.lid.x; }
        }

        @compute @workgroup_size(8)
        fn barriers(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) i: u32,
                    @builtin(num_workgroups) count: vec3<u32>) {
            for (var turn = 0u; turn < wid.x; turn++) { out[i] += meet(i); }
            if (wid.x == count.x - 1u) { workgroupBarrier(); }
        }

        @compute @workgroup_size(1)
        fn none() { out[0] = 1u; }
    ";

    #[test]
    fn results_validate_and_leave_the_rest_alone() {
        let before = naga::front::wgsl::parse_str(EVERY_SHAPE).expect("parses");
        for (entry, module) in rebased(EVERY_SHAPE).iter().enumerate() {
            assert_eq!(module.entry_points.len(), before.entry_points.len());
            assert_eq!(module.entry_points[entry].name, before.entry_points[entry].name);
            assert_eq!(module.functions.len(), before.functions.len() + 1);
            for (handle, global) in before.global_variables.iter() {
                assert_eq!(&module.global_variables[handle], global);
            }
        }
    }

    #[test]
    fn ids_move_and_the_count_is_replaced() {
        let module = &rebased(EVERY_SHAPE)[1];
        let wrapper = &module.entry_points[1].function;
        let count = |wanted: fn(&Expression) -> bool| {
            wrapper.expressions.iter().filter(|(_, expression)| wanted(expression)).count()
        };
        assert_eq!(count(|e| matches!(e, Expression::Load { .. })), 3);
        let adds = count(|e| matches!(e, Expression::Binary { op: BinaryOperator::Add, .. }));
        assert_eq!(adds, 2, "global_invocation_id and workgroup_id");
    }

    #[test]
    fn the_uniform_has_the_layout_of_wgsl() {
        let module = &rebased(EVERY_SHAPE)[0];
        let (_, tile) = module
            .global_variables
            .iter()
            .find(|(_, global)| global.binding == Some(PLACE))
            .expect("the uniform is there");
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("layouts");
        assert_eq!(u64::from(layouter[tile.ty].size), TileOrigin::BYTES);
        assert_eq!(std::mem::offset_of!(TileOrigin, whole), 16);
    }
}
