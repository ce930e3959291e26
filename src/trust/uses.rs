//! What a kernel uses of what devices get wrong, found on its naga module: that is what a device is given.

use std::collections::BTreeSet;

use naga::{BinaryOperator, Block, Expression, Function, Handle, MathFunction, Statement, TypeInner};
use rustc_hash::FxHashMap;

use super::{MOST_CASES, builtins};
use crate::{
    access::{LoopBounds, Numbers},
    kernel::Kernel,
};

/// What a kernel uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uses {
    pub has_loops: bool,
    /// What can be said of its loops whatever the call.
    pub bounds: LoopBounds,
    /// The most constructs that stand inside each other, as compilers nest them: the cases of a switch count, and what comes
    /// behind a branch that may jump stands inside it.
    pub nesting: usize,
    /// The most cases of a switch.
    pub most_cases: usize,
    pub shifts: bool,
    pub vectors: bool,
    pub atomics: bool,
    /// Built-in functions, as far as they are probed.
    pub builtins: BTreeSet<&'static str>,
}

impl Kernel {
    /// What the kernel uses, found once.
    pub(crate) fn uses(&self) -> &Uses {
        let found = self.inner.memo.get_or_try_make(|| Ok::<_, std::convert::Infallible>(find(self)));
        match found {
            Ok(uses) => uses,
            Err(never) => match never {},
        }
    }
}

fn find(kernel: &Kernel) -> Uses {
    let module = &kernel.inner.module;
    let mut search = Search { depths: FxHashMap::default(), has_loops: false, most_cases: 0, atomics: false };
    // A function calls only those in front of it.
    for (handle, function) in module.functions.iter() {
        let depth = search.depth(&function.body);
        search.depths.insert(handle, depth);
    }
    let entry = &kernel.entry_point().function;
    let nesting = search.depth(&entry.body);
    let mut shifts = false;
    let mut builtins = BTreeSet::new();
    for function in module.functions.iter().map(|(_, function)| function).chain([entry]) {
        for (_, expression) in function.expressions.iter() {
            match expression {
                Expression::Binary { op: BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight, .. } => shifts = true,
                Expression::Math { fun, .. } => builtins.extend(name_of(*fun)),
                _ => {}
            }
        }
    }
    let vectors =
        module.types.iter().any(|(_, ty)| matches!(ty.inner, TypeInner::Vector { .. } | TypeInner::Matrix { .. }));
    let Search { has_loops, most_cases, atomics, .. } = search;
    let none = LoopBounds { iterations: Some(0), may_wrap: false };
    let bounds = if has_loops { kernel.loop_bounds(&Numbers::new()) } else { none };
    Uses { has_loops, bounds, nesting, most_cases, shifts, vectors, atomics, builtins }
}

/// The name of a function that is probed, as WGSL has it.
fn name_of(function: MathFunction) -> Option<&'static str> {
    let name = match function {
        MathFunction::SmoothStep => "smoothstep".to_owned(),
        other => {
            let name = format!("{other:?}");
            name[..1].to_lowercase() + &name[1..]
        }
    };
    builtins::functions().find(|known| *known == name)
}

struct Search {
    /// How deep the constructs of each function are.
    depths: FxHashMap<Handle<Function>, usize>,
    has_loops: bool,
    most_cases: usize,
    atomics: bool,
}

impl Search {
    /// How many constructs stand inside each other in a block.
    fn depth(&mut self, block: &Block) -> usize {
        let mut deepest = 0;
        // Those that the rest of the block stands in, because of jumps in front of it.
        let mut around = 0;
        for statement in block.iter() {
            let own = match statement {
                Statement::Block(inner) => self.depth(inner),
                Statement::If { accept, reject, .. } => 1 + self.depth(accept).max(self.depth(reject)),
                Statement::Switch { cases, .. } => {
                    self.most_cases = self.most_cases.max(cases.len());
                    let inside = cases.iter().map(|case| self.depth(&case.body)).max().unwrap_or(0);
                    nested_cases(cases.len()) + inside
                }
                Statement::Loop { body, continuing, .. } => {
                    self.has_loops = true;
                    // With the branch that bounds all loops on GPUs.
                    2 + self.depth(body).max(self.depth(continuing))
                }
                Statement::Call { function, .. } => self.depths.get(function).copied().unwrap_or(0),
                Statement::Atomic { .. } => {
                    self.atomics = true;
                    0
                }
                _ => 0,
            };
            deepest = deepest.max(around + own);
            if jumps(statement, Inside::Nothing) {
                around += match statement {
                    Statement::Switch { cases, .. } => nested_cases(cases.len()),
                    _ => 1,
                };
            }
        }
        deepest
    }
}

/// How many constructs stand inside each other in a switch of so many cases, which is halved on its way to a device while it has
/// more than a few.
fn nested_cases(mut cases: usize) -> usize {
    let mut halvings = 0;
    while cases > MOST_CASES {
        cases = cases.div_ceil(2);
        halvings += 1;
    }
    cases + halvings
}

/// What a jump stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Switch,
    Loop,
}

/// Whether a statement may go on elsewhere than behind it.
fn jumps(statement: &Statement, inside: Inside) -> bool {
    let any = |block: &Block, inside| block.iter().any(|statement| jumps(statement, inside));
    match statement {
        Statement::Return { .. } | Statement::Kill => true,
        Statement::Break => inside == Inside::Nothing,
        Statement::Continue => inside != Inside::Loop,
        Statement::Block(inner) => any(inner, inside),
        Statement::If { accept, reject, .. } => any(accept, inside) || any(reject, inside),
        Statement::Switch { cases, .. } => {
            let inside = if inside == Inside::Loop { Inside::Loop } else { Inside::Switch };
            cases.iter().any(|case| any(&case.body, inside))
        }
        Statement::Loop { body, continuing, .. } => any(body, Inside::Loop) || any(continuing, Inside::Loop),
        _ => false,
    }
}
