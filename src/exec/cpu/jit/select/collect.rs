//! What may be assumed of the lane groups of a region: which way its branches, selections, minima and maxima go, and which
//! indices are in bounds.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Selector,
    address::{Extent, extent},
    crossing::Contents,
    flow::is_trivial,
};
use crate::{
    exec::cpu::jit::shape::Assumed,
    ir::{Address, Binary, Block, End, Op, Stmt, Type, Unary, Value},
};

/// The comparisons that a condition is the conjunction of, each with the outcome that it has to have.
pub type Conjuncts = Vec<(Value, bool)>;

/// Collects what may be assumed while it walks over a region's statements.
pub struct Collector<'a, 's, 'p> {
    pub selector: &'a mut Selector<'s>,
    contents: &'p Contents,
    hoistable: FxHashMap<Value, bool>,
    /// The comparisons behind the assumptions, and whether they hold; minima and maxima that are an operand.
    pub comparisons: Vec<(Value, bool)>,
    pub extremes: Vec<(Value, Value)>,
    /// Whether the last look found something new.
    changed: bool,
}

/// Whether the order of two values can be told from scalars.
pub fn comparable(selector: &Selector<'_>, a: Value, b: Value) -> bool {
    let scalar = |v: Value| selector.as_const(v).is_some() || selector.is_scalar(v);
    let number = |v: Value| matches!(selector.ty(v), Type::I32 | Type::U32);
    number(a) && scalar(a) && scalar(b) && (selector.steps(a) == 0 || selector.steps(b) == 0)
}

/// The comparisons that all have to come out as given for a condition to come out so; `None` if it is no such
/// conjunction.
pub fn conjuncts(selector: &Selector<'_>, cond: Value, holds: bool) -> Option<Conjuncts> {
    match selector.program.def(cond).op {
        Op::Unary(Unary::Not, inner) => conjuncts(selector, inner, !holds),
        Op::Binary(Binary::And, a, b) if holds => both(selector, a, b, holds),
        Op::Binary(Binary::Or, a, b) if !holds => both(selector, a, b, holds),
        Op::Binary(op, ..) if op.is_comparison() => Some(vec![(cond, holds)]),
        _ => None,
    }
}

fn both(selector: &Selector<'_>, a: Value, b: Value, holds: bool) -> Option<Conjuncts> {
    let mut all = conjuncts(selector, a, holds)?;
    all.extend(conjuncts(selector, b, holds)?);
    Some(all)
}

impl<'a, 's, 'p> Collector<'a, 's, 'p> {
    pub fn new(selector: &'a mut Selector<'s>, contents: &'p Contents) -> Self {
        Collector {
            selector,
            contents,
            hoistable: FxHashMap::default(),
            comparisons: Vec::new(),
            extremes: Vec::new(),
            changed: false,
        }
    }

    /// Looks for assumptions once; says whether there are new ones.
    pub fn look(&mut self, stmts: &[&Stmt]) -> bool {
        self.changed = false;
        self.hoistable.clear();
        self.statements(stmts);
        self.changed
    }

    /// Whether a value can be hoisted in front of the region's code, to decide by it which version runs.
    fn can_hoist(&mut self, value: Value) -> bool {
        if self.selector.as_const(value).is_some() {
            return true;
        }
        if self.selector.uniform(value) {
            return self.selector.known(value);
        }
        if let Some(&hoistable) = self.hoistable.get(&value) {
            return hoistable;
        }
        self.hoistable.insert(value, false);
        // A value from outside is loaded for the region if the region uses it; else it is computed again, which gives the same
        // if nothing on the way was loaded or carried on.
        let loaded = !self.contents.defined.contains(&value)
            && self.contents.uses.contains_key(&value)
            && self.selector.crossing.contains_key(&value);
        let hoistable = match self.selector.program.def(value).op {
            _ if !self.selector.is_scalar(value) => false,
            Op::Builtin(_) => true,
            _ if loaded => true,
            Op::Phi | Op::Load(_) | Op::UniformLoad(_) | Op::Atomic(_) | Op::Subgroup(..) | Op::Shuffle(..) => false,
            _ => self.selector.needed(value).into_iter().all(|v| self.can_hoist(v)),
        };
        self.hoistable.insert(value, hoistable);
        hoistable
    }

    fn statements(&mut self, stmts: &[&Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(value) => self.choice(*value),
                Stmt::If { cond, accept, reject, .. } => {
                    if !self.selector.uniform(*cond)
                        && let Some(holds) = self.expected(*cond, accept, reject)
                    {
                        self.assume(*cond, holds);
                    }
                    match self.selector.assumptions.get(cond) {
                        Some(Assumed::Cond(true)) => self.block(accept),
                        Some(Assumed::Cond(false)) => self.block(reject),
                        _ => {
                            self.block(accept);
                            self.block(reject);
                        }
                    }
                }
                Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => self.block(body),
                Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
    }

    fn block(&mut self, block: &Block) {
        self.statements(&block.stmts.iter().collect::<Vec<_>>());
    }

    /// Which way a branch is thought to go in interior groups, by its form: equality is rare, and arms that only leave,
    /// or do nothing, are for the edges.
    fn expected(&self, cond: Value, accept: &Block, reject: &Block) -> Option<bool> {
        let leaves = |b: &Block| b.stmts.is_empty() && !matches!(b.end, End::Yield(_));
        if let Op::Binary(Binary::Eq, ..) = self.selector.program.def(cond).op {
            return Some(false);
        }
        if leaves(accept) || (is_trivial(accept) && !is_trivial(reject)) {
            return Some(false);
        }
        (leaves(reject) || is_trivial(reject)).then_some(true)
    }

    /// Assumes that a condition comes out so, if that can be checked in front.
    fn assume(&mut self, cond: Value, holds: bool) {
        if self.selector.assumptions.contains_key(&cond) || self.selector.uniform(cond) {
            return;
        }
        let Some(conjuncts) = conjuncts(self.selector, cond, holds) else { return };
        for &(comparison, holds) in &conjuncts {
            let Op::Binary(_, a, b) = self.selector.program.def(comparison).op else { return };
            if !comparable(self.selector, a, b)
                || !self.can_hoist(a)
                || !self.can_hoist(b)
                || self.is_rare(comparison, holds)
                || self.selector.assumptions.get(&comparison) == Some(&Assumed::Cond(!holds))
            {
                return;
            }
        }
        self.selector.assumptions.insert(cond, Assumed::Cond(holds));
        for (comparison, holds) in conjuncts {
            self.selector.assumptions.insert(comparison, Assumed::Cond(holds));
            if !self.comparisons.contains(&(comparison, holds)) {
                self.comparisons.push((comparison, holds));
            }
        }
        self.changed = true;
    }

    /// Whether a comparison with a number is known to come out so in less than half of the lanes.
    fn is_rare(&self, comparison: Value, holds: bool) -> bool {
        let Op::Binary(op, a, b) = self.selector.program.def(comparison).op else { return true };
        if matches!(op, Binary::Eq | Binary::Ne) {
            return (op == Binary::Eq) == holds;
        }
        let (x, y) = (self.selector.range(a), self.selector.range(b));
        let (known, number, below) = match (x.low == x.high, y.low == y.high) {
            (false, true) => (x, y.low, matches!(op, Binary::Lt | Binary::Le) == holds),
            (true, false) => (y, x.low, matches!(op, Binary::Gt | Binary::Ge) == holds),
            _ => return false,
        };
        if known.high >= u64::from(u32::MAX) {
            return false;
        }
        let share = number.saturating_sub(known.low).min(known.high - known.low + 1);
        let all = known.high - known.low + 1;
        if below { share * 2 < all } else { (all - share) * 2 < all }
    }

    /// Assumes which operand a selection, a minimum or a maximum comes to.
    fn choice(&mut self, value: Value) {
        let program = self.selector.program;
        match program.def(value).op {
            Op::Select { cond, accept, reject } if !self.selector.is_scalar(cond) => {
                let steps = |s: &Selector<'_>, v: Value| match s.as_const(v) {
                    Some(_) => Some(0),
                    None if s.ty(v).is_float() => None,
                    None => s.shape(v).step(),
                };
                let (yes, no) = (steps(self.selector, accept), steps(self.selector, reject));
                let holds = match program.def(cond).op {
                    Op::Binary(Binary::Eq, ..) => false,
                    Op::Binary(Binary::Ne, ..) => true,
                    _ if yes.is_some_and(|step| step != 0) && no == Some(0) => true,
                    _ if no.is_some_and(|step| step != 0) && yes == Some(0) => false,
                    Op::Binary(op, _, b) => {
                        let below = matches!(op, Binary::Lt | Binary::Le);
                        below != self.selector.as_const(b).is_some()
                    }
                    _ => true,
                };
                self.assume(cond, holds);
            }
            Op::Binary(Binary::Min | Binary::Max, a, b)
                if matches!(program.ty(value), Type::I32 | Type::U32)
                    && !self.selector.assumptions.contains_key(&value)
                    && !self.selector.uniform(value) =>
            {
                if !comparable(self.selector, a, b) || !self.can_hoist(a) || !self.can_hoist(b) {
                    return;
                }
                let operand = match (self.selector.steps(a), self.selector.steps(b)) {
                    (0, 0) => return,
                    (0, _) => b,
                    _ => a,
                };
                self.selector.assumptions.insert(value, Assumed::Operand(operand));
                self.extremes.push((value, operand));
                self.changed = true;
            }
            _ => {}
        }
    }

    /// The indices whose bounds can be checked in front, where the assumptions hold.
    pub fn indices_of(&mut self, stmts: &[&Stmt]) -> Vec<(Value, Extent)> {
        self.hoistable.clear();
        let mut indices = Vec::new();
        self.indices(stmts, &mut indices);
        let mut seen = FxHashSet::default();
        indices.retain(|index| seen.insert(*index));
        indices
    }

    fn indices(&mut self, stmts: &[&Stmt], out: &mut Vec<(Value, Extent)>) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(value) => match &self.selector.program.def(*value).op {
                    Op::Load(address) | Op::UniformLoad(address) => self.address(address, out),
                    Op::Atomic(atomic) => self.address(&atomic.address, out),
                    _ => {}
                },
                Stmt::Store { address, .. } => self.address(address, out),
                Stmt::If { cond, accept, reject, .. } => {
                    let arms: &[&Block] = match self.selector.assumptions.get(cond) {
                        Some(Assumed::Cond(true)) => &[accept],
                        Some(Assumed::Cond(false)) => &[reject],
                        // An access that only some lanes make is checked where they make it.
                        _ if !self.selector.uniform(*cond) => &[],
                        _ => &[accept, reject],
                    };
                    for arm in arms {
                        self.indices(&arm.stmts.iter().collect::<Vec<_>>(), out);
                    }
                }
                Stmt::Loop { body, .. } | Stmt::Scope { body, .. } => {
                    self.indices(&body.stmts.iter().collect::<Vec<_>>(), out);
                }
                Stmt::Clear(_) | Stmt::Barrier(_) => {}
            }
        }
    }

    fn address(&mut self, address: &Address, out: &mut Vec<(Value, Extent)>) {
        for term in &address.terms {
            let extent = extent(address.mem, term.bound);
            if self.selector.is_proven(term.index, extent) {
                continue;
            }
            let ranged = self.selector.range(term.index).high < u64::from(u32::MAX);
            if self.selector.is_scalar(term.index) {
                if self.can_hoist(term.index) && self.selector.as_const(term.index).is_none() {
                    out.push((term.index, extent));
                }
            } else if ranged && matches!(extent, Extent::Runtime(_)) {
                out.push((term.index, extent));
            }
        }
    }
}
