//! What is known about the unknowns of an analysis at one place of the program.
//!
//! Every unknown integer is a [`Symbol`] with a [`Definition`] that says, once and for all, which number it is: the quotient of
//! that form, the greater of these two. What *follows* from the definition ([`derive`](super::derive)) depends on the
//! place: under `if (y > 0)` a clamp of `y` is `y` itself. Guards that hold at a place are pushed as frames. Facts are
//! derived when they are asked for, and kept with the guards that bear on them ([`memo`](super::memo)).
//!
//! A value of the program has a form that equals it modulo 2^32. Its [`reading`](Knowledge::reading) as a number, signed or
//! not, is that form only where the form provably lies within what 32 bits hold.

use std::rc::Rc;

use rustc_hash::FxHashMap;

pub use super::definition::{Definition, Fact, IncomingForm};
use super::{
    form::{Form, Range, Symbol, div_ceil, div_floor},
    linear::{Greatest, Problem},
    memo::{Answer, Depth, Guard, Here, Memo, Question, SymbolSet, Trace},
};

struct Known {
    definition: Definition,
    /// The symbol and all that its definition is made of.
    support: Rc<SymbolSet>,
    /// What holds wherever the symbol is known at all; the first is its range.
    everywhere: Rc<[Fact]>,
}

#[derive(Default)]
struct Frame {
    /// Guards below this frame.
    guards: usize,
    /// Whether no invocation comes here.
    unreachable: bool,
    /// A number for the guards up to the end of this frame.
    epoch: u64,
}

const TURN: i128 = 1 << 32;
/// How far derivations may lead from one symbol to the next before they are content with what holds everywhere.
const MAX_DEPTH: usize = 12;
/// How many choices may be looked into, each within the other's ways.
const MAX_CHOICES: usize = 2;
/// Symbols of one question.
const MAX_SYMBOLS: usize = 32;
/// The work that one analysis may be, and that one statement may be, in units of about 50 ns as tests are built, and less
/// in release: a number that is looked at in a fact or in a tableau is one, a question is some. What is asked beyond has
/// no answer, which is always right.
pub const MAX_WORK: u64 = 1_500_000;
const MAX_WORK_OF_STATEMENT: u64 = 300_000;
/// The work of a question, whether or not its answer is known, of a fact or guard that is looked at, and of a statement.
const QUESTION: u64 = 16;
const FACT: u64 = 4;
const STATEMENT: u64 = 16;

/// All symbols, and the guards of the current place.
pub struct Knowledge {
    symbols: Vec<Known>,
    /// The symbols below are coordinates of the grid.
    grid: Symbol,
    by_definition: FxHashMap<Definition, Symbol>,
    guards: Vec<Guard>,
    /// Every fact that was a guard.
    all_guards: FxHashMap<Rc<Fact>, Guard>,
    frames: Vec<Frame>,
    /// How many epochs there were.
    epochs: u64,
    /// Only symbols below this may be asked about, while it is derived.
    limit: Option<Symbol>,
    depth: usize,
    pub(super) choices: usize,
    memo: Memo,
    /// What the question that is being answered has looked at.
    trace: Trace,
    /// For questions: the place of each symbol, for as many as are asked within each other.
    scratch: Vec<Vec<usize>>,
    work: u64,
    /// The work that the analysis may be.
    most_work: u64,
    /// The work that the current statement may go on to.
    allowed: u64,
}

impl Knowledge {
    pub fn new() -> Self {
        Knowledge {
            symbols: Vec::new(),
            grid: Symbol(0),
            by_definition: FxHashMap::default(),
            guards: Vec::new(),
            all_guards: FxHashMap::default(),
            frames: vec![Frame::default()],
            epochs: 0,
            limit: None,
            depth: 0,
            choices: 0,
            memo: Memo::default(),
            trace: Trace::default(),
            scratch: Vec::new(),
            work: 0,
            most_work: MAX_WORK,
            allowed: MAX_WORK_OF_STATEMENT,
        }
    }

    /// Sets the work that the analysis may be.
    pub fn allow(&mut self, work: u64) {
        self.most_work = work;
    }

    /// The work so far. The last question may have gone a little beyond what is allowed.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// Whether the analysis has worked more than it may: then it knows nothing more.
    pub fn exhausted(&self) -> bool {
        self.work > self.most_work
    }

    /// The next statement begins.
    pub fn step(&mut self) {
        self.work += STATEMENT;
        self.allowed = self.work + MAX_WORK_OF_STATEMENT;
    }

    /// Whether the current statement, or all of the analysis, has worked more than it may.
    fn is_over_budget(&self) -> bool {
        self.work > self.allowed.min(self.most_work)
    }

    /// The work that it is to make a set of symbols, or to look through a few.
    fn set_work(&self) -> u64 {
        self.symbols.len() as u64 / 16
    }

    /// The symbol for the next definition: all symbols so far are below it.
    pub fn next(&self) -> Symbol {
        Symbol(self.symbols.len() as u32)
    }

    /// Declares that all symbols so far are coordinates of the grid.
    pub fn grid_ends(&mut self) {
        self.grid = self.next();
    }

    /// What a form has of the grid's coordinates, directly or through symbols that stand near a form of coordinates.
    pub(super) fn of_grid(&mut self, form: &Form) -> Form {
        let grid = self.grid;
        let mut sum = form.below(grid);
        for &(symbol, coefficient) in form.terms().iter().filter(|term| term.0 >= grid) {
            if self.limit.is_some_and(|limit| symbol >= limit) {
                continue;
            }
            let facts = self.facts(symbol);
            let candidates = facts.iter().filter_map(|fact| {
                let own = fact.form.coefficient(symbol);
                let rest = fact.form.below(grid);
                let only_grid = fact.form.terms().len() == rest.terms().len() + 1;
                let width = fact.range.hi - fact.range.lo;
                (own.abs() == 1 && only_grid && rest.as_number().is_none()).then_some((width, own, rest))
            });
            let near = candidates.min_by_key(|candidate| candidate.0);
            // own * symbol + rest is near a number, so the symbol goes with -own * rest.
            if let Some(with) = near.and_then(|(_, own, rest)| sum.plus(-own * coefficient, &rest)) {
                sum = with;
            }
        }
        sum
    }

    /// A new number of `range`.
    pub fn fresh(&mut self, range: Range) -> Symbol {
        self.add(Definition::Within(range))
    }

    /// The symbol that is defined so.
    pub fn define(&mut self, definition: Definition) -> Symbol {
        if let Some(&known) = self.by_definition.get(&definition) {
            return known;
        }
        let symbol = self.add(definition.clone());
        self.by_definition.insert(definition, symbol);
        symbol
    }

    /// A choice among values. What follows at this place holds wherever the choice is known.
    pub fn choose(&mut self, ways: Vec<IncomingForm>, signed: bool, outer: Symbol) -> Symbol {
        let symbol = self.add(Definition::Choice { ways: ways.into(), signed, outer });
        let facts = self.facts(symbol);
        self.symbols[symbol.0 as usize].everywhere = facts;
        symbol
    }

    fn add(&mut self, definition: Definition) -> Symbol {
        self.work += FACT + self.set_work();
        let symbol = self.next();
        let mut support = SymbolSet::default();
        support.insert(symbol);
        definition.visit_forms(&mut |form| {
            form.symbols().for_each(|s| support.unite(&self.symbols[s.0 as usize].support));
        });
        let range = Fact { form: Form::symbol(symbol), range: definition.widest() };
        self.symbols.push(Known { definition, support: support.into(), everywhere: [range].into() });
        symbol
    }

    pub fn definition(&self, symbol: Symbol) -> &Definition {
        &self.symbols[symbol.0 as usize].definition
    }

    /// The symbols that a form is made of, directly or through definitions.
    pub fn support(&self, form: &Form) -> SymbolSet {
        let mut all = SymbolSet::default();
        form.symbols().for_each(|s| all.unite(&self.symbols[s.0 as usize].support));
        all
    }

    // Frames.

    /// Opens a frame for further guards.
    pub fn push(&mut self) {
        let Some(&Frame { unreachable, epoch, .. }) = self.frames.last() else { return };
        self.frames.push(Frame { guards: self.guards.len(), unreachable, epoch });
    }

    /// Forgets the guards of the innermost frame.
    pub fn pop(&mut self) {
        let frame = self.frames.pop().expect("a frame is open");
        self.guards.truncate(frame.guards);
    }

    /// How many frames are open, for [`pop_to`](Self::pop_to).
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    pub fn pop_to(&mut self, frames: usize) {
        while self.frames.len() > frames {
            self.pop();
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the outermost frame stays open")
    }

    /// Whether the guards contradict each other, so that no invocation comes here.
    pub fn is_unreachable(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.unreachable)
    }

    /// How many guards hold, for [`guards_since`](Self::guards_since).
    pub fn guard_count(&self) -> usize {
        self.guards.len()
    }

    /// The guards that came after the first `count`.
    pub fn guards_since(&self, count: usize) -> Vec<Fact> {
        self.guards[count..].iter().map(|guard| (*guard.fact).clone()).collect()
    }

    /// Learns, in the innermost frame, that no invocation comes here.
    pub fn mark_unreachable(&mut self) {
        self.frame().unreachable = true;
    }

    /// Learns, in the innermost frame, that `form` lies in `range`.
    pub fn learn(&mut self, form: &Form, range: Range) {
        let range = range.shift(-form.constant);
        let divisor = form.divisor();
        if divisor == 0 {
            if range.is_empty() || range.lo > 0 || range.hi < 0 {
                self.mark_unreachable();
            }
            return;
        }
        let form = form.linear().divided(divisor);
        let lo = if range.lo > -Range::FAR { div_ceil(range.lo, divisor) } else { range.lo };
        let hi = if range.hi < Range::FAR { div_floor(range.hi, divisor) } else { range.hi };
        let range = Range::new(lo, hi);
        let known = self.bound(&form);
        if known.intersect(range).is_empty() {
            self.mark_unreachable();
        } else if !range.contains(known) {
            self.push_guard(Fact { form, range });
        }
    }

    fn push_guard(&mut self, fact: Fact) {
        let guard = match self.all_guards.get(&fact) {
            Some(guard) => guard.clone(),
            None => {
                let guard = Guard {
                    id: self.all_guards.len() as u32,
                    support: Rc::new(self.support(&fact.form)),
                    newest: fact.form.symbols().max().unwrap_or(Symbol(0)),
                    fact: Rc::new(fact),
                };
                self.all_guards.insert(guard.fact.clone(), guard.clone());
                guard
            }
        };
        self.guards.push(guard);
        self.epochs += 1;
        self.frame().epoch = self.epochs;
    }

    /// Takes over guards that held, together, where control came from.
    pub fn push_guards(&mut self, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.push_guard(fact.clone()));
    }

    /// Learns facts that are known to hold here.
    pub fn learn_all(&mut self, facts: &[Fact]) {
        for fact in facts {
            if self.is_unreachable() {
                break;
            }
            self.learn(&fact.form, fact.range);
        }
    }

    // Questions.

    /// The answer to a question: one that was found before where that is as good, else what `find` finds.
    fn ask(&mut self, question: Question, find: impl FnOnce(&mut Self) -> Answer) -> Answer {
        debug_assert!(
            !self.is_unreachable(),
            "where no invocation comes everything follows, and nothing of it is kept"
        );
        if self.exhausted() {
            // To look for known answers is work, too.
            self.trace.is_tired = true;
            return find(self);
        }
        let epoch = self.frames.last().map_or(0, |frame| frame.epoch);
        // What is derived about a symbol depends on what is older only, whatever it is asked for.
        let limit = if let Question::Facts(symbol) = question { Some(symbol) } else { self.limit };
        let depth = Depth { symbols: self.depth, choices: self.choices };
        let here = Here { guards: &self.guards, limit, depth, epoch };
        self.work += QUESTION + self.set_work();
        if let Some((answer, trace)) = self.memo.recall(&question, &here, &mut self.work) {
            self.trace.join(trace);
            return answer;
        }
        let outer = std::mem::take(&mut self.trace);
        let answer = find(self);
        let mut trace = std::mem::replace(&mut self.trace, outer);
        if let Question::Facts(_) = question {
            trace.newest = None;
        }
        self.trace.join(&trace);
        if !trace.is_tired {
            let here = Here { guards: &self.guards, limit, depth, epoch };
            self.memo.keep(question, &here, answer.clone(), trace);
        }
        answer
    }

    /// What is known about a symbol here: its range first.
    pub(super) fn facts(&mut self, symbol: Symbol) -> Rc<[Fact]> {
        let known = &self.symbols[symbol.0 as usize];
        if matches!(known.definition, Definition::Within(_)) || self.is_unreachable() {
            return known.everywhere.clone();
        }
        match self.ask(Question::Facts(symbol), |this| Answer::Facts(this.facts_anew(symbol))) {
            Answer::Facts(facts) => facts,
            _ => self.symbols[symbol.0 as usize].everywhere.clone(),
        }
    }

    fn facts_anew(&mut self, symbol: Symbol) -> Rc<[Fact]> {
        let known = &self.symbols[symbol.0 as usize];
        let everywhere = known.everywhere.clone();
        let choice = matches!(known.definition, Definition::Choice { .. });
        if self.is_over_budget() {
            self.trace.is_tired = true;
            return everywhere;
        }
        if self.depth >= MAX_DEPTH || (choice && self.choices >= MAX_CHOICES) {
            self.trace.is_cut = true;
            return everywhere;
        }
        self.depth += 1;
        let outer = self.limit.replace(symbol);
        let mut facts = self.derive(symbol);
        // The range stands first and is the narrower of the two.
        facts[0].range = facts[0].range.intersect(everywhere[0].range);
        facts.extend(everywhere[1..].iter().cloned());
        self.limit = outer;
        self.depth -= 1;
        facts.into()
    }

    /// The range of a form over the invocations that come here.
    pub fn bound(&mut self, form: &Form) -> Range {
        if self.is_unreachable() {
            return Range::EMPTY;
        }
        if let Some(number) = form.as_number() {
            return Range::only(number);
        }
        if let &[(symbol, factor)] = form.terms()
            && let Some(Range { lo, hi }) = self.unguarded(symbol)
        {
            let [a, b] = [lo, hi].map(|end| end.saturating_mul(factor).clamp(-Range::FAR, Range::FAR));
            return Range::new(a.min(b), a.max(b)).shift(form.constant);
        }
        // Between multiples there is nothing.
        let divisor = form.divisor();
        let linear = form.linear().divided(divisor);
        let Range { lo, hi } =
            match self.ask(Question::IndexBound(linear.clone()), |this| Answer::IndexBound(this.bound_anew(&linear))) {
                Answer::IndexBound(range) => range,
                _ => Range::ALL,
            };
        if lo > hi {
            return Range::EMPTY;
        }
        let times = |x: i128| x.saturating_mul(divisor).clamp(-Range::FAR, Range::FAR);
        Range { lo: times(lo), hi: times(hi) }.shift(form.constant)
    }

    /// The range of a symbol that only its definition says something about.
    fn unguarded(&mut self, symbol: Symbol) -> Option<Range> {
        let known = &self.symbols[symbol.0 as usize];
        let Definition::Within(range) = known.definition else { return None };
        let limit = self.limit;
        let mut guards = self.guards.iter().filter(|guard| guard.is_allowed(limit));
        let far = range.is_empty() || range.hi > 1 << 64 || range.lo < -(1 << 64);
        if far || guards.any(|guard| guard.support.contains(symbol)) {
            return None;
        }
        self.work += 1 + self.guards.len() as u64 / 4;
        self.trace.symbols.insert(symbol);
        self.trace.newest = self.trace.newest.max(Some(symbol));
        Some(range)
    }

    fn bound_anew(&mut self, form: &Form) -> Range {
        if self.is_over_budget() {
            self.trace.is_tired = true;
            return Range::ALL;
        }
        let (problem, goal) = self.query(form);
        if problem.ranges.iter().any(|range| range.is_empty()) {
            return Range::EMPTY;
        }
        let opposite: Vec<i128> = goal.iter().map(|c| -c).collect();
        let work = &mut self.work;
        match (problem.greatest(&goal, work), problem.greatest(&opposite, work)) {
            (Greatest::AtMost(hi), Greatest::AtMost(lo)) => {
                let clamp = |x: i128| x.clamp(-Range::FAR, Range::FAR);
                let range = Range::new(clamp(-lo), clamp(hi));
                if range.is_empty() { Range::EMPTY } else { range }
            }
            _ => Range::EMPTY,
        }
    }

    /// The range of what a symbol is, with no more than its definition's support in mind.
    pub(super) fn bound_symbol(&mut self, symbol: Symbol) -> Range {
        self.bound(&Form::symbol(symbol))
    }

    /// The form with symbols replaced that are known to be a form of others.
    fn resolve(&mut self, form: Form) -> Form {
        let mut form = form;
        let mut below = self.limit.unwrap_or(self.next());
        while let Some(symbol) = form.symbols().filter(|&s| s < below).max() {
            below = symbol;
            let coefficient = form.coefficient(symbol);
            let facts = self.facts(symbol);
            let equal = facts[1..].iter().find(|fact| {
                let own = fact.form.coefficient(symbol);
                fact.range.lo == fact.range.hi && own.abs() == 1 && fact.form.symbols().all(|s| s <= symbol)
            });
            if let Some(fact) = equal {
                // own * symbol + rest = n
                let factor = -coefficient * fact.form.coefficient(symbol);
                let value = Form::number(fact.range.lo);
                let replaced = form.plus(factor, &fact.form).and_then(|sum| sum.plus(-factor, &value));
                form = replaced.unwrap_or(form);
            }
        }
        form
    }

    /// All that bears on a form: its symbols, what is known about them, and guards on the same coordinates.
    fn query(&mut self, form: &Form) -> (Problem, Vec<i128>) {
        let mut places = self.scratch.pop().unwrap_or_default();
        places.resize(self.symbols.len(), usize::MAX);
        let mut query = Query { places, symbols: Vec::new(), problem: Problem::default() };
        form.symbols().for_each(|s| query.include(s));
        let support = self.support(form);
        self.trace.symbols.unite(&support);
        let limit = self.limit;
        self.work += QUESTION + self.guards.len() as u64;
        for guard in self.guards.iter().filter(|guard| guard.is_allowed(limit) && guard.support.meets(&support)) {
            query.add(&guard.fact);
        }
        let mut at = 0;
        while let Some(&symbol) = query.symbols.get(at) {
            at += 1;
            // What is being derived is known by its definition only.
            let facts = match limit {
                Some(limit) if symbol >= limit => self.symbols[symbol.0 as usize].everywhere.clone(),
                _ => self.facts(symbol),
            };
            self.work += FACT * facts.len() as u64;
            // Deriving may have defined more symbols.
            query.places.resize(self.symbols.len(), usize::MAX);
            facts.iter().for_each(|fact| query.add(fact));
        }
        self.trace.newest = self.trace.newest.max(query.symbols.iter().copied().max());
        let mut goal = vec![0; query.symbols.len()];
        form.terms().iter().for_each(|&(s, c)| goal[query.places[s.0 as usize]] = c);
        let Query { mut places, symbols, problem } = query;
        symbols.iter().for_each(|s| places[s.0 as usize] = usize::MAX);
        self.scratch.push(places);
        (problem, goal)
    }

    /// The number that the value of `form` is, as a form: `form` itself up to a multiple of 2^32, or a symbol for it.
    pub fn reading(&mut self, form: &Form, signed: bool) -> Form {
        let window = Range::window(signed);
        let turns = |x: i128| div_floor(x - window.lo, TURN);
        if let Some(number) = form.as_number() {
            return Form::number(number - turns(number) * TURN);
        }
        if self.is_unreachable() {
            return form.clone();
        }
        let question = Question::Reading(form.clone(), signed);
        match self.ask(question, |this| Answer::Reading(this.reading_anew(form, signed))) {
            Answer::Reading(reading) => reading,
            _ => Form::symbol(self.define(Definition::Reading { form: form.clone(), signed })),
        }
    }

    fn reading_anew(&mut self, form: &Form, signed: bool) -> Form {
        let window = Range::window(signed);
        let turns = |x: i128| div_floor(x - window.lo, TURN);
        let range = self.bound(form);
        if range.is_empty() {
            return form.clone();
        }
        let offset = turns(range.lo) * TURN;
        if window.contains(range.shift(-offset)) {
            return self.resolve(form.shift(-offset));
        }
        let turned = form.shift(-turns(form.constant) * TURN);
        let reading = Form::symbol(self.define(Definition::Reading { form: turned, signed }));
        self.resolve(reading)
    }
}

/// The symbols and facts of a question.
struct Query {
    symbols: Vec<Symbol>,
    /// By symbol, where it is among those.
    places: Vec<usize>,
    problem: Problem,
}

impl Query {
    fn include(&mut self, symbol: Symbol) {
        let place = &mut self.places[symbol.0 as usize];
        if *place == usize::MAX {
            *place = self.symbols.len();
            self.symbols.push(symbol);
            self.problem.ranges.push(Range::ALL);
        }
    }

    fn add(&mut self, fact: &Fact) {
        let terms = fact.form.terms();
        let unknown = terms.iter().filter(|(s, _)| self.places[s.0 as usize] == usize::MAX).count();
        // To leave a fact out is right, only less precise.
        if self.symbols.len() + unknown > MAX_SYMBOLS {
            return;
        }
        terms.iter().for_each(|&(s, _)| self.include(s));
        match *terms {
            [(symbol, 1)] => {
                let range = &mut self.problem.ranges[self.places[symbol.0 as usize]];
                *range = range.intersect(fact.range);
            }
            _ => {
                let places = &self.places;
                self.problem.add_fact(terms.iter().map(|&(s, c)| (places[s.0 as usize], c)), fact.range);
            }
        }
    }
}
