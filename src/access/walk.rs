//! The walk over a program: guards are pushed where control branches, accesses are looked at where they stand.
//!
//! A lane that goes on after a construct has left it on one of its ways, so what held on that way holds for it. Where
//! there is one way only, the guards of that way are pushed for the rest of the block (an early return is
//! that); where there are several, a result is a choice among what they carry.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{
    affine::factor,
    cover::{Bounds, always_leaves, may_leave},
    early::{Early, Score},
    facts::{Fact, IncomingForm, Knowledge, MAX_WORK},
    footprint::Access,
    form::{Form, Range, Symbol},
    input::Numbers,
    iterations::Iterations,
    relevance,
};
use crate::ir::{Block, End, Label, Mem, Op, Program, Stmt, Type, Value};

/// Where an unknown number comes from, for explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An operation or control flow that is not followed.
    Unknown,
    /// A float.
    Float,
    /// Read from memory while the kernel runs.
    Loaded(Mem),
    /// The place in a subgroup, or an operation across one.
    Subgroup,
    /// The length of a buffer that was not given.
    Length(Mem),
    /// A word of a uniform that was not given.
    Word { binding: usize, offset: u32 },
    /// Carried from one iteration of a loop to the next.
    Loop,
}

/// Rounds in which the ranges of a loop's parameters may grow.
const MAX_ROUNDS: usize = 6;

/// What is put into an analysis.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The work that it may be.
    pub work: u64,
    /// Only verdicts that are better than this are of interest.
    pub better_than: Option<Score>,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { work: MAX_WORK, better_than: None }
    }
}

/// A condition that control flow chose, with what holds where it did.
#[derive(Clone)]
pub struct IncomingBool {
    pub guards: Vec<Fact>,
    pub value: Value,
}

/// A way out of a construct.
struct Exit {
    /// What holds on it and did not in front of the construct.
    guards: Vec<Fact>,
    values: Vec<Value>,
    /// The forms of those values that have one.
    forms: Vec<Option<Form>>,
}

/// A construct that breaks may leave.
struct OpenConstruct {
    label: Label,
    /// Guards in front of it.
    guards: usize,
    /// How many loops around it are being tried out.
    probing: usize,
    exits: Vec<Exit>,
}

/// What an iteration leaves of a loop's parameter.
pub(super) struct Next {
    /// The range of its next value.
    pub range: Range,
    /// The next value less this one, modulo 2^32, if that is always the same.
    pub step: Option<i128>,
    /// Whether that does not wrap around.
    pub exact: bool,
    /// How many times this value the next one is, if that is always the same and does not wrap around.
    pub factor: Option<i128>,
}

/// An analysis in progress.
pub struct Analyzer<'a> {
    pub program: &'a Program,
    pub inputs: &'a Numbers<'a>,
    pub known: Knowledge,
    /// The workgroup, the place in it, and the number of workgroups, by axis.
    pub group: [Form; 3],
    pub local: [Form; 3],
    pub groups: [Form; 3],
    pub forms: Vec<Option<Form>>,
    pub bools: FxHashMap<Value, Vec<IncomingBool>>,
    pub sources: FxHashMap<Symbol, Source>,
    pub lengths: FxHashMap<Mem, Form>,
    /// Uniform words, by binding and byte, and lengths that went into the answer.
    pub read_words: BTreeSet<(usize, u32)>,
    pub read_lengths: BTreeSet<usize>,
    pub relevant: Vec<bool>,
    pub alternatives: usize,
    /// The axes that the grid may be cut along.
    pub axes: Vec<usize>,
    /// What is known of the verdicts so far, if only better ones are of interest.
    pub early: Option<Early>,
    /// The invocations that come to the current place, where that is certain.
    pub certain: Option<Bounds>,
    /// How often loops go round.
    pub iterations: Iterations,
    /// What was found, by access; `None` where no invocation comes.
    pub accesses: Vec<Option<Access>>,
    /// The range of each integer value where it is computed, for tests.
    #[cfg(test)]
    pub ranges: Vec<Option<Range>>,
    open: Vec<OpenConstruct>,
    /// Whether a loop is only being tried out.
    probing: usize,
}

impl<'a> Analyzer<'a> {
    pub fn new(program: &'a Program, inputs: &'a Numbers<'a>) -> Self {
        let mut known = Knowledge::new();
        let mut group = Vec::new();
        let mut local = Vec::new();
        let mut groups = Vec::new();
        for axis in 0..3 {
            let size = program.workgroup_size[axis];
            match inputs.workgroups() {
                Some(count) => {
                    group.push(Form::symbol(known.fresh(Range::new(0, i128::from(count[axis].max(1)) - 1))));
                    groups.push(Form::number(count[axis].into()));
                }
                None => {
                    let most = (1i128 << 32) / i128::from(size.max(1));
                    group.push(Form::symbol(known.fresh(Range::new(0, most - 1))));
                    groups.push(Form::symbol(known.fresh(Range::new(1, most))));
                }
            }
            local.push(match size {
                0 | 1 => Form::number(0),
                size => Form::symbol(known.fresh(Range::new(0, i128::from(size) - 1))),
            });
        }
        known.grid_ends();
        let three = |forms: Vec<Form>| <[Form; 3]>::try_from(forms).unwrap_or_default();
        let mut analyzer = Analyzer {
            program,
            inputs,
            known,
            group: three(group),
            local: three(local),
            groups: three(groups),
            forms: vec![None; program.values.len()],
            bools: FxHashMap::default(),
            sources: FxHashMap::default(),
            lengths: FxHashMap::default(),
            read_words: BTreeSet::new(),
            read_lengths: BTreeSet::new(),
            relevant: relevance::relevant(program),
            alternatives: 0,
            axes: vec![0, 1, 2],
            early: None,
            certain: None,
            iterations: Iterations::default(),
            accesses: (0..program.accesses).map(|_| None).collect(),
            #[cfg(test)]
            ranges: vec![None; program.values.len()],
            open: Vec::new(),
            probing: 0,
        };
        if inputs.workgroups().is_none() {
            // A workgroup's number is below their count.
            for axis in 0..3 {
                if let Some(below) = analyzer.group[axis].plus(-1, &analyzer.groups[axis]) {
                    analyzer.known.learn(&below, Range::new(-Range::FAR, -1));
                }
            }
        }
        analyzer
    }

    /// Says what the analysis is for.
    pub fn cut_along(&mut self, axes: &[usize], bindings: usize, effort: Effort) {
        self.axes = axes.to_vec();
        self.early = effort.better_than.map(|bar| Early::new(bar, axes, bindings));
        self.known.allow(effort.work);
    }

    /// Whether the verdicts will not be what is wanted.
    pub fn is_hopeless(&self) -> bool {
        self.early.as_ref().is_some_and(Early::is_hopeless)
    }

    /// Walks the whole program.
    pub fn run(&mut self) {
        let program = self.program;
        self.certain = self.all_invocations();
        self.block(&program.body, 0, &mut |_, _| {});
    }

    pub fn set_form(&mut self, value: Value, form: Form) {
        self.forms[value.0 as usize] = Some(form);
    }

    fn is_tracked(&self, value: Value) -> bool {
        self.relevant[value.0 as usize] && matches!(self.program.ty(value), Type::I32 | Type::U32)
    }

    fn is_signed(&self, value: Value) -> bool {
        self.program.ty(value) == Type::I32
    }

    /// A way out that is taken here, of a construct in front of which so many guards held.
    fn exit(&mut self, guards: usize, values: &[Value]) -> Exit {
        let forms = values.iter().map(|&v| self.is_tracked(v).then(|| self.form(v))).collect();
        Exit { guards: self.known.guards_since(guards), values: values.to_vec(), forms }
    }

    /// Walks a block; gives the way out of its end, if control comes there. `at_end` is called with what it yields while
    /// its guards still hold.
    fn block(
        &mut self,
        block: &'a Block,
        guards: usize,
        at_end: &mut dyn FnMut(&mut Self, &'a [Value]),
    ) -> Option<Exit> {
        let frames = self.known.frames();
        let mut falls = !self.known.is_unreachable();
        for stmt in &block.stmts {
            falls = falls && self.stmt(stmt) && !self.known.is_unreachable() && !self.is_hopeless();
            if !falls {
                break;
            }
        }
        let mut yielded = None;
        if falls {
            match &block.end {
                End::Yield(values) => {
                    at_end(self, values);
                    yielded = Some(self.exit(guards, values));
                }
                End::Break(label, values) => {
                    // Where an inner loop is only tried out, the way is found again later.
                    let found = |open: &OpenConstruct| open.label == *label && open.probing == self.probing;
                    if let Some(place) = self.open.iter().rposition(found) {
                        let exit = self.exit(self.open[place].guards, values);
                        self.open[place].exits.push(exit);
                    }
                }
                End::Return | End::Unreachable => {}
            }
        }
        self.known.pop_to(frames);
        yielded
    }

    /// Walks a statement; says whether control goes on behind it.
    fn stmt(&mut self, stmt: &'a Stmt) -> bool {
        self.known.step();
        match stmt {
            Stmt::Let(value) => {
                self.access_of(*value);
                self.define(*value);
                #[cfg(test)]
                self.observe(*value);
                true
            }
            Stmt::Store { address, value } => {
                if self.probing == 0 {
                    self.store(address, self.program.ty(*value));
                }
                true
            }
            Stmt::Clear(_) | Stmt::Barrier(_) => true,
            Stmt::If { cond, accept, reject, results } => {
                let (outer, guards) = (self.known.next(), self.known.guard_count());
                let mut exits = Vec::new();
                let before = self.certain;
                let ways = [(accept, true), (reject, false)];
                let boxes = ways.map(|(_, truth)| before.and_then(|bounds| self.narrowed(bounds, *cond, truth)));
                for ((block, truth), bounds) in ways.into_iter().zip(boxes) {
                    self.known.push();
                    self.assume(*cond, truth);
                    self.certain = bounds;
                    exits.extend(self.block(block, guards, &mut |_, _| {}));
                    self.known.pop();
                }
                self.certain = match ways.map(|(block, _)| may_leave(block, &mut Vec::new())) {
                    [false, false] => before,
                    [true, false] if always_leaves(accept) => boxes[1],
                    [false, true] if always_leaves(reject) => boxes[0],
                    _ => None,
                };
                self.continue_after(exits, results, outer)
            }
            Stmt::Scope { label, body, results } => {
                let (outer, guards) = (self.known.next(), self.known.guard_count());
                let before = self.certain;
                self.enter(*label, guards);
                let end = self.block(body, guards, &mut |_, _| {});
                let mut exits = self.open.pop().map_or(Vec::new(), |open| open.exits);
                exits.extend(end);
                self.certain = before.filter(|_| !may_leave(body, &mut vec![*label]));
                self.continue_after(exits, results, outer)
            }
            Stmt::Loop { label, params, inits, body, results } => {
                // What comes how often to a place in a loop is not followed.
                let before = self.certain.take().filter(|_| !may_leave(body, &mut vec![*label]));
                let goes_on = self.loop_statement(*label, params, inits, body, results);
                self.certain = before;
                goes_on
            }
        }
    }

    /// Notes the range of a value.
    #[cfg(test)]
    fn observe(&mut self, value: Value) {
        if self.probing == 0 && self.is_tracked(value) {
            let form = self.form(value);
            let reading = self.known.reading(&form, self.is_signed(value));
            self.ranges[value.0 as usize] = Some(self.known.bound(&reading));
        }
    }

    fn enter(&mut self, label: Label, guards: usize) {
        self.open.push(OpenConstruct { label, guards, probing: self.probing, exits: Vec::new() });
    }

    /// Looks at the access that a value is read by.
    fn access_of(&mut self, value: Value) {
        if self.probing > 0 {
            return;
        }
        let program = self.program;
        let def = program.def(value);
        match &def.op {
            Op::Load(address) | Op::UniformLoad(address) => self.load_access(address, def.ty),
            Op::Atomic(atomic) => self.atomic_access(atomic, program.ty(atomic.value)),
            _ => {}
        }
    }

    /// Goes on after a construct that was left on these ways; says whether there are any.
    fn continue_after(&mut self, mut exits: Vec<Exit>, results: &[Value], outer: Symbol) -> bool {
        if exits.len() == 1
            && let Some(exit) = exits.pop()
        {
            self.known.push();
            self.known.push_guards(&exit.guards);
            for (i, &result) in results.iter().enumerate() {
                self.bools.remove(&result);
                if let Some(form) = &exit.forms[i] {
                    self.set_form(result, form.clone());
                } else if self.program.ty(result) == Type::Bool {
                    let way = IncomingBool { guards: Vec::new(), value: exit.values[i] };
                    self.bools.insert(result, vec![way]);
                }
            }
            return true;
        }
        for (i, &result) in results.iter().enumerate() {
            self.bools.remove(&result);
            if self.is_tracked(result) {
                let ways = exits
                    .iter()
                    .filter_map(|exit| Some(IncomingForm { guards: exit.guards.clone(), form: exit.forms[i].clone()? }))
                    .collect::<Vec<_>>();
                let form = match ways.len() == exits.len() {
                    true => self.choice(ways, self.program.ty(result), outer),
                    false => self.opaque(self.program.ty(result), Source::Unknown),
                };
                self.set_form(result, form);
            } else if self.program.ty(result) == Type::Bool && self.relevant[result.0 as usize] {
                let ways = exits.iter().map(|e| IncomingBool { guards: e.guards.clone(), value: e.values[i] });
                self.bools.insert(result, ways.collect());
            }
        }
        !exits.is_empty()
    }

    // Loops.

    fn loop_statement(
        &mut self,
        label: Label,
        params: &'a [Value],
        inits: &'a [Value],
        body: &'a Block,
        results: &[Value],
    ) -> bool {
        let (outer, guards) = (self.known.next(), self.known.guard_count());
        let tracked: Vec<usize> = (0..params.len()).filter(|&i| self.is_tracked(params[i])).collect();
        let starts: Vec<Form> = tracked
            .iter()
            .map(|&i| {
                let form = self.form(inits[i]);
                self.known.reading(&form, self.is_signed(params[i]))
            })
            .collect();
        let loop_ = Loop { label, params, body, tracked, starts, guards };
        self.probing += 1;
        let induction = self.induction(&loop_);
        let most = induction.as_ref().and_then(|induction| self.most_by_factors(&loop_, induction));
        self.probing -= 1;

        self.known.push();
        let most = self.bind_parameters(&loop_, induction, most);
        let outside = if self.probing == 0 { Some(self.iterations.enter(most)) } else { None };
        self.enter(label, guards);
        self.block(body, guards, &mut |_, _| {});
        outside.into_iter().for_each(|outside| self.iterations.leave(outside));
        let exits = self.open.pop().map_or(Vec::new(), |open| open.exits);
        self.known.pop();
        self.continue_after(exits, results, outer)
    }

    /// Tries iterations out until ranges are found that hold for the parameters in all of them: they hold at first, and
    /// if they hold in one iteration, then in the next. Gives the ranges and what an iteration does; `None` where
    /// there is no second iteration.
    fn induction(&mut self, loop_: &Loop<'a>) -> Option<Vec<(Range, Next)>> {
        let windows: Vec<Range> =
            loop_.tracked.iter().map(|&i| Range::window(self.is_signed(loop_.params[i]))).collect();
        let starts: Vec<Range> =
            loop_.starts.iter().zip(&windows).map(|(form, &w)| self.known.bound(form).intersect(w)).collect();
        let anything = || {
            let next = |&range: &Range| (range, Next { range, step: None, exact: false, factor: None });
            Some(windows.iter().map(next).collect())
        };
        let mut ranges: Vec<Range> = (0..starts.len())
            .map(|at| match self.direction(loop_, at) {
                Some(true) => starts[at].hull(Range::only(windows[at].hi)),
                Some(false) => starts[at].hull(Range::only(windows[at].lo)),
                None => starts[at],
            })
            .collect();
        let mut rounds = 0;
        let mut nexts = loop {
            rounds += 1;
            if self.known.exhausted() || rounds > MAX_ROUNDS {
                return anything();
            }
            let nexts = self.probe(loop_, &ranges, &windows)?;
            let mut holds = true;
            for ((range, next), window) in ranges.iter_mut().zip(&nexts).zip(&windows) {
                if next.range.lo < range.lo {
                    (range.lo, holds) = (window.lo, false);
                }
                if next.range.hi > range.hi {
                    (range.hi, holds) = (window.hi, false);
                }
            }
            if holds {
                break nexts;
            }
        };
        // Every value is the first one or what an iteration leaves, which may be less than what was assumed.
        let narrowed = |nexts: &[Next]| -> Vec<Range> {
            starts.iter().zip(nexts).map(|(start, next)| start.hull(next.range)).collect()
        };
        let narrow = narrowed(&nexts);
        if narrow != ranges && nexts.iter().any(|next| !next.exact) {
            nexts = self.probe(loop_, &narrow, &windows)?;
        }
        Some(narrowed(&nexts).into_iter().zip(nexts).collect())
    }

    /// Whether a parameter only grows (or only shrinks), by the looks of it.
    fn direction(&self, loop_: &Loop<'a>, at: usize) -> Option<bool> {
        use crate::ir::Binary;
        let i = loop_.tracked[at];
        let End::Yield(values) = &loop_.body.end else { return None };
        let constant = |v: Value| match self.program.def(v).op {
            Op::Const(bits) => Some((bits as i32) >= 0),
            _ => None,
        };
        match self.program.def(*values.get(i)?).op {
            Op::Binary(Binary::Add, a, b) if a == loop_.params[i] => constant(b),
            Op::Binary(Binary::Add, a, b) if b == loop_.params[i] => constant(a),
            Op::Binary(Binary::Sub, a, b) if a == loop_.params[i] => constant(b).map(|up| !up),
            _ => None,
        }
    }

    /// Walks an iteration with the parameters anywhere in `ranges`; `None` if it is never followed by another.
    pub(super) fn probe(&mut self, loop_: &Loop<'a>, ranges: &[Range], windows: &[Range]) -> Option<Vec<Next>> {
        self.known.push();
        let symbols: Vec<Form> = ranges.iter().map(|&range| self.opaque_in(range, Source::Loop)).collect();
        for &param in loop_.params {
            self.bools.remove(&param);
        }
        for (&i, symbol) in loop_.tracked.iter().zip(&symbols) {
            self.set_form(loop_.params[i], symbol.clone());
        }
        self.enter(loop_.label, loop_.guards);
        let mut nexts = None;
        self.block(loop_.body, loop_.guards, &mut |this, values| {
            let mut found = Vec::new();
            for (at, &i) in loop_.tracked.iter().enumerate() {
                let form = this.form(values[i]);
                let reading = this.known.reading(&form, this.is_signed(loop_.params[i]));
                let range = this.known.bound(&reading).intersect(windows[at]);
                let by = |form: &Form| form.plus(-1, &symbols[at]).and_then(|f| f.as_number());
                let exact = by(&reading);
                let own = symbols[at].terms()[0].0;
                let factor = match *reading.terms() {
                    [(symbol, factor)] if symbol == own && reading.constant == 0 => Some(factor),
                    _ => None,
                };
                found.push(Next { range, step: exact.or_else(|| by(&form)), exact: exact.is_some(), factor });
            }
            nexts = Some(found);
        });
        self.open.pop();
        self.known.pop();
        nexts
    }

    /// Gives the parameters their forms: those that take equal steps are `start + step * k` in iteration `k`, which is `most` at
    /// most if that is known. Gives how many iterations there are at most.
    fn bind_parameters(&mut self, loop_: &Loop<'a>, induction: Option<Vec<(Range, Next)>>, most: Option<i128>) -> u64 {
        for &param in loop_.params {
            self.bools.remove(&param);
        }
        let Some(induction) = induction else {
            for (&i, start) in loop_.tracked.iter().zip(&loop_.starts) {
                self.set_form(loop_.params[i], start.clone());
            }
            return 1;
        };
        let mut most: i128 = most.unwrap_or(1 << 64);
        for (at, (start, (range, next))) in loop_.starts.iter().zip(&induction).enumerate() {
            let is_scaled = next.factor.is_some() || self.divisor(loop_, at).is_some();
            if let (true, Some(step)) = (next.exact, next.step) {
                let start = self.known.bound(start);
                let way = if step > 0 { range.hi - start.lo } else { start.hi - range.lo };
                if step != 0 {
                    most = most.min((way / step.abs()).max(0));
                }
            } else if next.step != Some(0) && !is_scaled && self.probing == 0 {
                self.iterations.note_wrap();
            }
        }
        let iteration = self.known.fresh(Range::new(0, most));
        self.sources.insert(iteration, Source::Loop);
        for ((&i, start), (range, next)) in loop_.tracked.iter().zip(&loop_.starts).zip(&induction) {
            let step = next.step.map(|step| if next.exact { step } else { factor(step) });
            let stepped = step.and_then(|step| start.plus(step, &Form::symbol(iteration)));
            let form = match stepped {
                Some(form) => {
                    if next.exact {
                        self.known.learn(&form, *range);
                    }
                    form
                }
                None => self.opaque_in(*range, Source::Loop),
            };
            self.set_form(loop_.params[i], form);
        }
        u64::try_from(most).map_or(u64::MAX, |most| most.saturating_add(1))
    }
}

/// A loop, with the parameters that have forms and what those start from.
pub(super) struct Loop<'a> {
    label: Label,
    pub params: &'a [Value],
    pub body: &'a Block,
    pub tracked: Vec<usize>,
    pub starts: Vec<Form>,
    guards: usize,
}
