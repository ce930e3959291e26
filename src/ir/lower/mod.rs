//! From a naga module to the intermediate representation.
//!
//! Functions are inlined where they are called. A value of composite type becomes a list of
//! scalars, its *leaves*. A local variable becomes a run of *slots*, one for each leaf, whose
//! current SSA values the lowering tracks; a local array with a dynamic index becomes private
//! memory. Where control flow joins, the slots assigned on the way become results of the construct.

mod builtins;
mod effects;
mod expression;
mod large;
mod pointee;
mod statement;
mod types;

use std::collections::BTreeSet;

use naga::{AddressSpace, ArraySize, Binding, BuiltIn, Expression, Handle, Span, Statement, TypeInner, valid};
use rustc_hash::FxHashMap;

use super::{
    Builtin, End, Label, Mem, Memory, Origin, Program, RuntimeArray, Space, Value,
    build::Builder,
    verify::{self, Pass},
};
use crate::{
    error::{Error, Result},
    kernel::{BindingKind, Kernel, diagnostic},
};
use pointee::Root;
use types::{Layout, Types};

/// Local variables of more leaves than this live in memory even if every index is constant.
const MAX_SLOTS: u32 = 128;
/// A kernel that comes to more values than this is refused: inlining has got out of hand.
const MAX_VALUES: usize = 1 << 20;
/// Likewise for statements, since a function may come to none and still call others.
const MAX_STATEMENTS: usize = 1 << 20;
/// Blocks inside each other, those of functions at their calls included: what walks a program calls itself for each.
const MAX_DEPTH: usize = 250;
/// Scalars of a constant.
const MAX_CONSTANT: u32 = 1 << 20;

/// Lowers the kernel's entry point to a simplified program with known uniformity.
///
/// # Errors
///
/// [`Error::Wgsl`] with the place in the source for what the CPU engine does not support, and for a barrier
/// that not all invocations of a workgroup reach.
pub fn lower(kernel: &Kernel) -> Result<Program> {
    let mut program = Lowerer::new(kernel).entry_point()?;
    verify::check(&program, Pass::Build);
    super::simplify::simplify(&mut program);
    program.number_accesses();
    verify::check(&program, Pass::NumberAccesses);
    if let Err(barrier) = super::uniformity::analyse(&mut program)
        && !super::agree::make_uniform(&mut program)
    {
        return Err(diagnostic::at(&kernel.inner.source, barrier.span, barrier.message));
    }
    verify::check(&program, Pass::Uniformity);
    Ok(program)
}

/// Where [`End::Break`] can go, and which slots it carries there.
struct Target {
    label: Label,
    slots: Vec<u32>,
    used: bool,
}

/// What a `return` does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Return {
    /// Ends the lane.
    Lane,
    /// Stands last in the function: control just goes on in the caller.
    Last,
    /// Leaves the scope around the inlined body, by its index in the targets.
    Scope(usize),
}

/// An argument of an inlined function.
#[derive(Clone)]
enum Argument {
    Value(Vec<Value>),
    Pointer(pointee::Pointee),
    Large(large::Large),
}

/// A function while it is being inlined.
struct Frame<'a> {
    handle: Option<Handle<naga::Function>>,
    fun: &'a naga::Function,
    info: &'a valid::FunctionInfo,
    /// The leaves of the expressions evaluated so far.
    values: Vec<Option<Vec<Value>>>,
    /// Those that are too large for leaves.
    large: FxHashMap<Handle<Expression>, large::Large>,
    arguments: Vec<Argument>,
    locals: FxHashMap<Handle<naga::LocalVariable>, Root>,
    returns: Return,
    returned: Vec<Value>,
    /// Where a result that is too large for leaves goes.
    returned_to: Option<pointee::Pointee>,
    /// The innermost targets of `break` and `continue`, by their index in the targets.
    breaks: Vec<usize>,
    continues: Vec<statement::Continue>,
}

struct Lowerer<'a> {
    kernel: &'a Kernel,
    module: &'a naga::Module,
    info: &'a valid::ModuleInfo,
    types: Types<'a>,
    b: Builder,
    globals: FxHashMap<Handle<naga::GlobalVariable>, Root>,
    /// The current value of each slot.
    slots: Vec<Value>,
    /// The slots of `var<private>` variables: any function may assign them.
    private_slots: Vec<u32>,
    targets: Vec<Target>,
    /// Private memories in use by the functions that are being inlined, in the order of their making.
    private: Vec<Mem>,
    /// Private memories of functions that are done, for those inlined later.
    free: Vec<Mem>,
    /// How many statements were lowered.
    statements: usize,
    /// How many blocks are open.
    depth: usize,
    indexed: FxHashMap<Handle<naga::Function>, pointee::Indexed>,
}

impl<'a> Lowerer<'a> {
    fn new(kernel: &'a Kernel) -> Self {
        let inner = &kernel.inner;
        Lowerer {
            kernel,
            module: &inner.module,
            info: &inner.info,
            types: Types::new(&inner.module),
            b: Builder::new(),
            globals: FxHashMap::default(),
            slots: Vec::new(),
            private_slots: Vec::new(),
            targets: Vec::new(),
            private: Vec::new(),
            free: Vec::new(),
            statements: 0,
            depth: 0,
            indexed: FxHashMap::default(),
        }
    }

    fn entry_point(mut self) -> Result<Program> {
        let entry = self.kernel.entry_point();
        let info = self.info.get_entry_point(self.kernel.inner.entry);
        self.declare_globals(info)?;
        // Functions stand behind those they call, so that none waits for another here.
        for (handle, _) in self.module.functions.iter() {
            self.indexed_function(handle);
        }
        let arguments = self.builtin_arguments(&entry.function)?;
        let mut frame = Frame::new(None, &entry.function, info, arguments, Return::Lane);
        self.declare_locals(&mut frame)?;
        let end = self.block(&mut frame, &entry.function.body)?.unwrap_or(End::Yield(Vec::new()));
        Ok(self.b.finish(entry.name.clone(), self.kernel.inner.workgroup_size, end))
    }

    /// An error at a place of the source.
    fn refuse<T>(&self, span: Span, what: impl Into<String>) -> Result<T> {
        Err(diagnostic::at(&self.kernel.inner.source, span, what))
    }

    /// An error for a type that has no lanes.
    fn no_lanes(&self, span: Span) -> Error {
        let what = format!(
            "this type is not supported by the CPU engine: it is 64 bits wide, opaque, or a value of more than {} scalars",
            types::MAX_LEAVES
        );
        diagnostic::at(&self.kernel.inner.source, span, what)
    }

    fn declare_globals(&mut self, info: &valid::FunctionInfo) -> Result<()> {
        let module = self.module;
        for (handle, global) in module.global_variables.iter() {
            if info[handle].is_empty() {
                continue;
            }
            let span = module.global_variables.get_span(handle);
            let inner = self.types.inner(global.ty);
            let name = global.name.clone().unwrap_or_default();
            let root = match global.space {
                AddressSpace::Storage { .. } | AddressSpace::Uniform => {
                    let Some(binding) = self.kernel.inner.bindings.iter().position(|b| b.global == handle) else {
                        return self.refuse(span, format!("`{name}` has no @group and @binding"));
                    };
                    let space = match self.kernel.inner.bindings[binding].kind {
                        BindingKind::Uniform => Space::Uniform { binding },
                        kind => Space::Storage { binding, writable: kind == BindingKind::ReadWriteStorage },
                    };
                    let runtime = self.runtime_array(inner);
                    Root::Memory(self.b.memory(Memory { name, space, runtime, data: Vec::new() }))
                }
                AddressSpace::WorkGroup => {
                    let leaves = self.types.leaf_count(inner).ok_or_else(|| self.no_lanes(span))?;
                    let bytes = leaves.checked_mul(4).ok_or_else(|| self.no_lanes(span))?;
                    let space = Space::Workgroup { bytes };
                    Root::Memory(self.b.memory(Memory { name, space, runtime: None, data: Vec::new() }))
                }
                AddressSpace::Private => {
                    // An initial value of zero is the same as none.
                    let is_zero = |init: Handle<_>| matches!(module.global_expressions[init], Expression::ZeroValue(_));
                    let init = match global.init {
                        Some(init) if !is_zero(init) => Some(self.global_expression(init, span)?),
                        _ => None,
                    };
                    let root = self.declare(inner, &name, span, init, true, true)?;
                    if let Root::Slots { first, count } = root {
                        self.private_slots.extend(first..first + count);
                    }
                    root
                }
                _ => return self.refuse(span, format!("`{name}` is in an address space that kernels do not use")),
            };
            self.globals.insert(handle, root);
        }
        Ok(())
    }

    /// The runtime-sized array that a type is or ends in.
    fn runtime_array(&self, inner: &TypeInner) -> Option<RuntimeArray> {
        match *inner {
            TypeInner::Array { size: ArraySize::Dynamic, stride, .. } => Some(RuntimeArray { offset: 0, stride }),
            TypeInner::Struct { ref members, .. } => {
                let last = members.last()?;
                let array = self.runtime_array(self.types.inner(last.ty))?;
                Some(RuntimeArray { offset: last.offset + array.offset, ..array })
            }
            _ => None,
        }
    }

    /// Gives a variable slots or private memory and its initial value (zero if `None`).
    ///
    /// `fresh` says that this is done once for a lane, so that memory is zero already.
    fn declare(
        &mut self,
        inner: &TypeInner,
        name: &str,
        span: Span,
        init: Option<Vec<Value>>,
        in_memory: bool,
        fresh: bool,
    ) -> Result<Root> {
        let count = self.types.leaf_count(inner).ok_or_else(|| self.no_lanes(span))?;
        let is_array = matches!(inner, TypeInner::Array { .. } | TypeInner::Struct { .. });
        if count > MAX_SLOTS || (in_memory && is_array) {
            let bytes = count.checked_mul(4).ok_or_else(|| self.no_lanes(span))?;
            let space = Space::Private { bytes };
            let memory = Memory { name: name.into(), space, runtime: None, data: Vec::new() };
            let mem = if fresh { self.b.memory(memory) } else { self.private_memory(memory) };
            match init {
                Some(values) => self.store_leaves(&pointee::Pointee::memory(mem, inner.clone()), &values, span)?,
                None if !fresh => self.b.push(super::Stmt::Clear(mem)),
                None => {}
            }
            return Ok(Root::Memory(mem));
        }
        let values = match init {
            Some(values) => values,
            None => {
                let leaves = self.types.leaves(inner, Layout::Packed).ok_or_else(|| self.no_lanes(span))?;
                leaves.iter().map(|leaf| self.b.zero(leaf.ty)).collect()
            }
        };
        let first = self.slots.len() as u32;
        self.slots.extend(values);
        Ok(Root::Slots { first, count })
    }

    /// A private memory that the function that is being inlined may use; what it holds is left open.
    fn private_memory(&mut self, memory: Memory) -> Mem {
        let free = self.free.iter().position(|&mem| self.b.memories[mem.0 as usize].space == memory.space);
        let mem = match free {
            Some(at) => self.free.swap_remove(at),
            None => self.b.memory(memory),
        };
        self.private.push(mem);
        mem
    }

    /// Declares the local variables of a function that is being inlined.
    fn declare_locals(&mut self, frame: &mut Frame<'a>) -> Result<()> {
        let indexed = self.indexed_pointers(frame.fun, frame.info);
        for (handle, local) in frame.fun.local_variables.iter() {
            let span = frame.fun.local_variables.get_span(handle);
            let inner = self.types.inner(local.ty);
            let name = local.name.clone().unwrap_or_default();
            let in_memory = indexed.locals.contains(&handle);
            let init = match local.init {
                Some(init) if self.large(frame, init)?.is_some() => None,
                Some(init) => Some(self.expression(frame, init)?),
                None => None,
            };
            let constant = init.as_ref().filter(|_| in_memory && !indexed.written.contains(&handle));
            let root = match constant.and_then(|values| self.constant_table(&name, values)) {
                Some(mem) => Root::Memory(mem),
                None => self.declare(inner, &name, span, init, in_memory, frame.handle.is_none())?,
            };
            frame.locals.insert(handle, root);
        }
        Ok(())
    }

    /// A constant memory of these values, if they are all constants.
    fn constant_table(&mut self, name: &str, values: &[Value]) -> Option<Mem> {
        let data = values.iter().map(|&v| self.b.as_const(v)).collect::<Option<Vec<u32>>>()?;
        let same = |m: &Memory| m.space == Space::Constant && m.data == data;
        if let Some(found) = self.b.memories.iter().position(same) {
            return Some(Mem(found as u32));
        }
        Some(self.b.memory(Memory { name: name.into(), space: Space::Constant, runtime: None, data }))
    }

    /// The leaves of the entry point's arguments, which are all built-in inputs.
    fn builtin_arguments(&mut self, fun: &'a naga::Function) -> Result<Vec<Argument>> {
        let mut arguments = Vec::new();
        for argument in &fun.arguments {
            let mut leaves = Vec::new();
            match (&argument.binding, self.types.inner(argument.ty)) {
                (Some(binding), _) => self.builtin_leaves(binding, &mut leaves)?,
                (None, TypeInner::Struct { members, .. }) => {
                    for member in members {
                        if let Some(binding) = &member.binding {
                            self.builtin_leaves(binding, &mut leaves)?;
                        }
                    }
                }
                (None, _) => return self.refuse(Span::UNDEFINED, "an entry point's argument without a @builtin"),
            }
            arguments.push(Argument::Value(leaves));
        }
        Ok(arguments)
    }

    fn builtin_leaves(&mut self, binding: &Binding, out: &mut Vec<Value>) -> Result<()> {
        let size = self.kernel.inner.workgroup_size;
        let lanes: u32 = size.iter().product();
        let axes: fn(u8) -> Builtin = match binding {
            Binding::BuiltIn(BuiltIn::GlobalInvocationId) => Builtin::GlobalId,
            Binding::BuiltIn(BuiltIn::LocalInvocationId) => Builtin::LocalId,
            Binding::BuiltIn(BuiltIn::WorkGroupId) => Builtin::WorkgroupId,
            Binding::BuiltIn(BuiltIn::NumWorkGroups) => Builtin::NumWorkgroups,
            Binding::BuiltIn(other) => {
                let value = match other {
                    BuiltIn::LocalInvocationIndex => self.b.builtin(Builtin::LocalIndex),
                    BuiltIn::SubgroupInvocationId => self.b.builtin(Builtin::SubgroupInvocationId),
                    BuiltIn::SubgroupId => self.b.builtin(Builtin::SubgroupId),
                    BuiltIn::SubgroupSize | BuiltIn::NumSubgroups => {
                        self.b.assumed.subgroup_size = true;
                        match other {
                            BuiltIn::SubgroupSize => self.b.u32(super::SUBGROUP_SIZE),
                            _ => self.b.u32(lanes.div_ceil(super::SUBGROUP_SIZE)),
                        }
                    }
                    BuiltIn::WorkGroupSize => {
                        out.extend(size.map(|n| self.b.u32(n)));
                        return Ok(());
                    }
                    _ => return self.refuse(Span::UNDEFINED, format!("the built-in input {other:?} is not supported")),
                };
                out.push(value);
                return Ok(());
            }
            Binding::Location { .. } => {
                return self.refuse(Span::UNDEFINED, "a compute kernel has no @location inputs");
            }
        };
        for axis in 0..3 {
            // An axis one workgroup wide has no local coordinate, and its global one is the workgroup's.
            let value = match axes(axis) {
                Builtin::LocalId(_) if size[axis as usize] == 1 => self.b.u32(0),
                Builtin::GlobalId(_) if size[axis as usize] == 1 => self.b.builtin(Builtin::WorkgroupId(axis)),
                builtin => self.b.builtin(builtin),
            };
            out.push(value);
        }
        Ok(())
    }
}

impl<'a> Frame<'a> {
    fn new(
        handle: Option<Handle<naga::Function>>,
        fun: &'a naga::Function,
        info: &'a valid::FunctionInfo,
        arguments: Vec<Argument>,
        returns: Return,
    ) -> Self {
        Frame {
            handle,
            fun,
            info,
            values: vec![None; fun.expressions.len()],
            large: FxHashMap::default(),
            arguments,
            locals: FxHashMap::default(),
            returns,
            returned: Vec::new(),
            returned_to: None,
            breaks: Vec::new(),
            continues: Vec::new(),
        }
    }

    fn span(&self, expression: Handle<Expression>) -> Span {
        self.fun.expressions.get_span(expression)
    }

    fn origin(&self, expression: Handle<Expression>) -> Origin {
        Origin { function: self.handle, expression: Some(expression), span: self.span(expression) }
    }
}

/// The slots that a block may assign.
fn sorted(slots: BTreeSet<u32>) -> Vec<u32> {
    slots.into_iter().collect()
}

/// Calls `visit` on every statement of a block and of the blocks inside it.
fn walk<'m>(block: &'m naga::Block, visit: &mut impl FnMut(&'m Statement)) {
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
