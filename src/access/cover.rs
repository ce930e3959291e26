//! Whether a binding is written without gaps.
//!
//! What is known about a condition elsewhere in this analysis is what follows from it. Here it has to be the condition
//! itself: a store covers what it is thought to cover only if every invocation comes to it that is thought to come. So
//! the walk keeps the *box* of invocations that certainly come to a place: those with coordinates below a bound on each
//! axis. Comparisons of one coordinate with a number narrow it; behind anything else nothing is certain.

use super::{
    Footprint,
    footprint::{Access, Kind},
    form::{Form, Range, div_ceil, div_floor},
    walk::Analyzer,
};
use crate::ir::{Binary, Block, End, Label, Op, Stmt, Type, Unary, Value};

/// How deep conditions are taken apart.
const MAX_DEPTH: usize = 24;

/// The invocations that come to a place: those with coordinates below these along x, y and z.
pub type Bounds = [i128; 3];

/// The bytes that all invocations of a box write: `step` along each axis, from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Box3 {
    pub bounds: Bounds,
    pub step: [i128; 3],
    pub start: i128,
    pub size: i128,
}

/// Bytes that are written without gaps: those of all invocations below `bound` along the cut axis, `step` for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    start: i128,
    step: i128,
    bound: i128,
    /// Invocations of a unit along the cut axis.
    unit: i128,
}

impl Covered {
    /// What the units from `first` up to `end` write.
    pub fn bytes(&self, first: u32, end: u32) -> (i128, i128) {
        let at = |unit: u32| self.start + self.step * (i128::from(unit) * self.unit).min(self.bound);
        (at(first), at(end))
    }
}

impl Analyzer<'_> {
    /// All invocations of the grid, where it is known.
    pub fn all_invocations(&self) -> Option<Bounds> {
        let count = self.inputs.workgroups()?;
        Some([0, 1, 2].map(|axis| i128::from(count[axis]) * i128::from(self.program.workgroup_size[axis])))
    }

    /// The box within `bounds` in which `cond` is `truth`, if that is a box.
    pub fn narrowed(&mut self, bounds: Bounds, cond: Value, truth: bool) -> Option<Bounds> {
        self.narrowed_within(bounds, cond, truth, MAX_DEPTH)
    }

    fn narrowed_within(&mut self, bounds: Bounds, cond: Value, truth: bool, depth: usize) -> Option<Bounds> {
        if depth == 0 {
            return None;
        }
        let program = self.program;
        let constant = |value: Value| match program.def(value).op {
            Op::Const(bits) => Some(bits != 0),
            _ => None,
        };
        let mut both = |a: Value, b: Value| {
            let bounds = self.narrowed_within(bounds, a, truth, depth - 1)?;
            self.narrowed_within(bounds, b, truth, depth - 1)
        };
        match &program.def(cond).op {
            Op::Const(bits) if (*bits != 0) == truth => Some(bounds),
            Op::Unary(Unary::Not, a) => self.narrowed_within(bounds, *a, !truth, depth - 1),
            Op::Binary(Binary::And, a, b) if truth => both(*a, *b),
            Op::Binary(Binary::Or, a, b) if !truth => both(*a, *b),
            // `a || b` and `a && b`, where the second is asked only if the first leaves it open.
            Op::Select { cond: a, accept, reject } if constant(*accept) == Some(true) && !truth => both(*a, *reject),
            Op::Select { cond: a, accept, reject } if constant(*reject) == Some(false) && truth => both(*a, *accept),
            Op::Binary(op, a, b) if matches!(program.ty(*a), Type::I32 | Type::U32) => {
                let signed = program.ty(*a) == Type::I32;
                let (a, b) = (self.form(*a), self.form(*b));
                let (a, b) = (self.known.reading(&a, signed), self.known.reading(&b, signed));
                let difference = a.plus(-1, &b)?;
                self.narrowed_by(bounds, *op, truth, &difference)
            }
            _ => None,
        }
    }

    fn narrowed_by(&mut self, bounds: Bounds, op: Binary, truth: bool, difference: &Form) -> Option<Bounds> {
        let range = match (op, truth) {
            (Binary::Lt, true) | (Binary::Ge, false) => Range::new(-Range::FAR, -1),
            (Binary::Gt, true) | (Binary::Le, false) => Range::new(1, Range::FAR),
            (Binary::Le, true) | (Binary::Gt, false) => Range::new(-Range::FAR, 0),
            (Binary::Ge, true) | (Binary::Lt, false) => Range::new(0, Range::FAR),
            _ => return None,
        };
        if range.contains(self.known.bound(difference)) {
            return Some(bounds);
        }
        let (steps, start) = self.along_axes(difference)?;
        let mut moving = (0..3).filter(|&axis| steps[axis] != 0);
        let (axis, None) = (moving.next()?, moving.next()) else { return None };
        // start + step * coordinate lies in the range.
        let step = steps[axis];
        let (from, to) = if step > 0 { (range.lo, range.hi) } else { (range.hi, range.lo) };
        let far = |x: i128| x.abs() >= Range::FAR;
        let least = if far(from) { -Range::FAR } else { div_ceil((from - start) * step.signum(), step.abs()) };
        let most = if far(to) { Range::FAR } else { div_floor((to - start) * step.signum(), step.abs()) };
        if least > 0 {
            return None;
        }
        let mut bounds = bounds;
        bounds[axis] = bounds[axis].min(most.saturating_add(1)).max(0);
        Some(bounds)
    }

    /// The coefficient of each coordinate of an invocation in a form, and the constant; `None` if the form depends on
    /// more.
    fn along_axes(&self, form: &Form) -> Option<([i128; 3], i128)> {
        let mut steps = [0; 3];
        let mut rest = form.clone();
        for (axis, step) in steps.iter_mut().enumerate() {
            let size = i128::from(self.program.workgroup_size[axis]);
            let one_group = self.inputs.workgroups().is_some_and(|count| count[axis] == 1);
            let group = take(&mut rest, &self.group[axis])?.unwrap_or(0);
            *step = match take(&mut rest, &self.local[axis])? {
                // A coordinate is its workgroup's number times the size, and the place in it.
                Some(local) if local * size == group || one_group => local,
                Some(_) => return None,
                None => group,
            };
        }
        Some((steps, rest.as_number()?))
    }

    /// What a store at byte `bytes` covers, if it is certain who comes to it.
    pub fn box_of(&self, bytes: &Form, size: u64) -> Option<Box3> {
        let bounds = self.certain?;
        let (step, start) = self.along_axes(bytes)?;
        Some(Box3 { bounds, step, start, size: size.into() })
    }
}

/// Removes a coordinate from a form and gives its coefficient: `Some(None)` for a coordinate that is a known number.
fn take(form: &mut Form, coordinate: &Form) -> Option<Option<i128>> {
    let Some(symbol) = coordinate.symbols().next() else { return Some(None) };
    let coefficient = form.coefficient(symbol);
    *form = form.plus(-coefficient, &Form::symbol(symbol))?;
    Some(Some(coefficient))
}

/// Whether some of the invocations that enter a block may leave it otherwise than at its end. `inside` are the labels of the
/// constructs in it.
pub fn may_leave(block: &Block, inside: &mut Vec<Label>) -> bool {
    let leaves = |stmt: &Stmt| match stmt {
        Stmt::If { accept, reject, .. } => may_leave(accept, inside) || may_leave(reject, inside),
        Stmt::Loop { label, body, .. } | Stmt::Scope { label, body, .. } => {
            inside.push(*label);
            let leaves = may_leave(body, inside);
            inside.pop();
            leaves
        }
        Stmt::Let(_) | Stmt::Store { .. } | Stmt::Clear(_) | Stmt::Barrier(_) => false,
    };
    block.stmts.iter().any(leaves)
        || match &block.end {
            End::Yield(_) => false,
            End::Break(label, _) => !inside.contains(label),
            End::Return | End::Unreachable => true,
        }
}

/// Whether no invocation comes to the end of a block, and all that enter it leave it at once.
pub fn always_leaves(block: &Block) -> bool {
    !matches!(block.end, End::Yield(_))
}

/// The bytes of a binding that its stores write without gaps, for a cut along `axis`.
pub fn covered(accesses: &[&Access], axis: usize, workgroup_size: [u32; 3]) -> Option<Covered> {
    let boxes: Vec<Box3> =
        accesses.iter().filter(|access| access.kind == Kind::Store).filter_map(|access| access.covers).collect();
    let first = boxes.iter().min_by_key(|a| a.start)?;
    let mut same: Vec<&Box3> = boxes.iter().filter(|b| b.bounds == first.bounds && b.step == first.step).collect();
    same.sort_unstable_by_key(|b| b.start);
    // Side by side, the stores of one invocation.
    let mut end = first.start;
    for part in same {
        if part.start > end {
            break;
        }
        end = end.max(part.start + part.size);
    }
    let mut width = end - first.start;
    let mut axes: Vec<usize> = (0..3).filter(|&a| a != axis && first.bounds[a] != 1).collect();
    axes.sort_unstable_by_key(|&a| first.step[a]);
    for a in axes {
        // Rows that follow each other, or overlap, leave no gap.
        if first.step[a] <= 0 || first.step[a] > width || first.bounds[a] < 1 {
            return None;
        }
        width += first.step[a] * (first.bounds[a] - 1);
    }
    let step = first.step[axis];
    // Only if neighbours meet exactly does a run of units end where the next one begins.
    (step == width).then_some(Covered {
        start: first.start,
        step,
        bound: first.bounds[axis],
        unit: workgroup_size[axis].into(),
    })
}

impl Footprint {
    /// Whether what `covered` says is all of this footprint, so that it has no gaps.
    pub(super) fn is_exactly(&self, covered: &Covered, units: std::ops::Range<u32>) -> bool {
        let (start, end) = covered.bytes(units.start, units.end);
        let bytes = self.bytes(units);
        start < end && i128::from(bytes.start) == start && i128::from(bytes.end) == end
    }
}
