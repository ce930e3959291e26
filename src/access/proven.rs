//! Which expressions of the naga module the proofs about a program's accesses carry over to.
//!
//! A program's access knows the pointer of the naga module that it goes through. The reverse is not so plain: a function's
//! pointer stands for an access in each place where the function was inlined, an access may stand for several loads of
//! which only the first is named, and one whose result nobody reads is gone. Only what is accounted for counts as proven.

use naga::{Expression, Function, Handle, Statement, TypeInner};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Numbers, analyse};
use crate::{
    error::Result,
    ir::{Address, Block, Op, Program, Stmt},
    kernel::Kernel,
};

/// An expression of the naga module, with the function it stands in; `None` is the entry point.
pub(crate) type ExpressionSite = (Option<Handle<Function>>, Handle<Expression>);

impl Kernel {
    /// The pointers, and the values indexed in parts, of the naga module through which every access is in bounds in a
    /// call with these numbers. What is not in the set may be in bounds nevertheless.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`](crate::Error::Wgsl) where the kernel uses what the analysis does not support.
    pub(crate) fn proven_in_bounds(&self, numbers: &Numbers<'_>) -> Result<FxHashSet<ExpressionSite>> {
        self.check_complete()?;
        let program = self.program()?;
        let findings = analyse(&program, numbers);
        Ok(proven(self, &program, &findings.in_bounds))
    }
}

/// The same, from what is known of the accesses of the kernel's program ([`Analysis::in_bounds`](super::Analysis)).
pub(crate) fn proven(kernel: &Kernel, program: &Program, in_bounds: &[bool]) -> FxHashSet<ExpressionSite> {
    /// The accesses with one origin.
    #[derive(Clone, Copy)]
    struct Found {
        count: u64,
        proven: bool,
    }
    let mut found: FxHashMap<ExpressionSite, Found> = FxHashMap::default();
    each_access(program, &program.body, &mut |address| {
        let Some(expression) = address.origin.expression else { return };
        let here = found.entry((address.origin.function, expression)).or_insert(Found { count: 0, proven: true });
        here.count += 1;
        here.proven &= in_bounds.get(address.id.0 as usize).copied().unwrap_or(false);
    });
    let instances = instances(kernel);
    let accounted = |place: &ExpressionSite, found: Found| {
        let Some(function) = place.0 else { return true };
        match instances.get(&function) {
            Some(1) => true,
            Some(&many) => scalars(kernel, function, place.1).is_some_and(|n| found.count == many.saturating_mul(n)),
            None => false,
        }
    };
    let proven = found.into_iter().filter(|(place, found)| found.proven && accounted(place, *found));
    proven.map(|(place, _)| place).collect()
}

/// How many scalars an access through a pointer comes to, if it is to a scalar or a vector.
fn scalars(kernel: &Kernel, function: Handle<Function>, pointer: Handle<Expression>) -> Option<u64> {
    let inner = &kernel.inner;
    let target = match inner.info[function][pointer].ty.inner_with(&inner.module.types) {
        TypeInner::Pointer { base, .. } => &inner.module.types[*base].inner,
        TypeInner::ValuePointer { size, .. } => return Some(size.map_or(1, |size| size as u64)),
        _ => return None,
    };
    match target {
        TypeInner::Scalar(_) | TypeInner::Atomic(_) => Some(1),
        TypeInner::Vector { size, .. } => Some(*size as u64),
        _ => None,
    }
}

/// Calls `visit` with every address in a block.
fn each_access(program: &Program, block: &Block, visit: &mut impl FnMut(&Address)) {
    for stmt in &block.stmts {
        match stmt {
            Stmt::Let(value) => match &program.def(*value).op {
                Op::Load(address) | Op::UniformLoad(address) => visit(address),
                Op::Atomic(atomic) => visit(&atomic.address),
                _ => {}
            },
            Stmt::Store { address, .. } => visit(address),
            Stmt::Clear(_) | Stmt::Barrier(_) => {}
            Stmt::If { accept, reject, .. } => {
                each_access(program, accept, visit);
                each_access(program, reject, visit);
            }
            Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => each_access(program, body, visit),
        }
    }
}

/// How many times each function is inlined into the entry point, directly or not.
fn instances(kernel: &Kernel) -> FxHashMap<Handle<Function>, u64> {
    let module = &kernel.inner.module;
    let mut instances: FxHashMap<Handle<Function>, u64> = FxHashMap::default();
    count_calls(&kernel.entry_point().function.body, 1, &mut instances);
    // A function is called only by those behind it in the arena.
    let mut functions: Vec<_> = module.functions.iter().collect();
    functions.reverse();
    for (handle, function) in functions {
        if let Some(&times) = instances.get(&handle) {
            count_calls(&function.body, times, &mut instances);
        }
    }
    instances
}

/// Adds `times` for each call in a block.
fn count_calls(block: &naga::Block, times: u64, instances: &mut FxHashMap<Handle<Function>, u64>) {
    for statement in block.iter() {
        match statement {
            Statement::Call { function, .. } => {
                let count = instances.entry(*function).or_default();
                *count = count.saturating_add(times);
            }
            Statement::Block(inner) => count_calls(inner, times, instances),
            Statement::If { accept, reject, .. } => {
                count_calls(accept, times, instances);
                count_calls(reject, times, instances);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| count_calls(&case.body, times, instances));
            }
            Statement::Loop { body, continuing, .. } => {
                count_calls(body, times, instances);
                count_calls(continuing, times, instances);
            }
            _ => {}
        }
    }
}
