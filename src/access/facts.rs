//! What is known about the unknowns of an analysis at one place of the program.
//!
//! Every unknown integer is a [`Symbol`] with a [`Definition`] that says, once and for all, which number it is: the quotient of
//! that form, the greater of these two. What *follows* from the definition ([`derive`](super::derive)) depends on the
//! place: under `if (y > 0)` a clamp of `y` is `y` itself. Guards that hold at a place are pushed as frames, and
//! facts are derived when they are asked for and kept with the frame they were derived in.
//!
//! A value of the program has a form that equals it modulo 2^32. Its [`reading`](Knowledge::reading) as a number, signed or
//! not, is that form only where the form provably lies within what 32 bits hold.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{
    form::{Form, Range, Symbol, div_ceil, div_floor},
    linear::{Greatest, Problem},
};

/// A sum of symbols, without a constant, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fact {
    pub form: Form,
    pub range: Range,
}

/// One of the values that control flow or a select chooses among, with what holds where it is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    pub guards: Vec<Fact>,
    pub form: Form,
}

/// Which number a symbol is. Forms stand for 32-bit values, `signed` says how they are read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// Some number of this range, unlike any other: a coordinate, a counter, a loaded value.
    Within(Range),
    /// What the bits of `form` are, read as a number.
    Reading {
        form: Form,
        signed: bool,
    },
    /// `of / by`, rounded down, or towards zero if it `truncates`.
    Quotient {
        of: Form,
        signed: bool,
        by: i128,
        truncates: bool,
    },
    /// What that division leaves.
    Remainder {
        of: Form,
        signed: bool,
        by: i128,
        truncates: bool,
        quotient: Symbol,
    },
    /// The greater or the less of two.
    Extreme {
        greatest: bool,
        a: Form,
        b: Form,
        signed: bool,
    },
    /// The absolute value of a signed number.
    Magnitude {
        of: Form,
    },
    /// The product, as an integer that no width limits.
    Product {
        a: Form,
        b: Form,
        signed: bool,
    },
    /// The bitwise and, or, exclusive or of two unsigned numbers.
    And {
        a: Form,
        b: Form,
    },
    Or {
        a: Form,
        b: Form,
    },
    Xor {
        a: Form,
        b: Form,
    },
    /// `a / b` and `a % b` of unsigned numbers, where neither is a constant.
    UnknownQuotient {
        a: Form,
        b: Form,
    },
    UnknownRemainder {
        a: Form,
        b: Form,
    },
    /// One of these. What is made of symbols below `outer` means the same on every way.
    Choice {
        ways: Rc<[Way]>,
        signed: bool,
        outer: Symbol,
    },
}

struct Known {
    definition: Definition,
    /// The symbol and all that its definition is made of, sorted.
    support: Rc<[Symbol]>,
    /// What holds wherever the symbol is known at all; the first is its range.
    everywhere: Rc<[Fact]>,
}

#[derive(Default)]
struct Frame {
    /// Guards below this frame.
    guards: usize,
    /// Whether no invocation comes here.
    impossible: bool,
    derived: FxHashMap<Symbol, Rc<[Fact]>>,
    readings: FxHashMap<(Form, bool, Option<Symbol>), Form>,
}

/// How far derivations may lead from one symbol to the next before they are content with what holds everywhere.
const MAX_DEPTH: usize = 12;
/// How many choices may be looked into, each within the other's ways.
const MAX_CHOICES: usize = 2;
/// Symbols of one question.
const MAX_SYMBOLS: usize = 32;
/// Questions of one analysis. What is asked beyond has no answer, which is always right.
const MAX_QUESTIONS: u64 = 50_000;

/// All symbols, and the guards of the current place.
pub struct Knowledge {
    symbols: Vec<Known>,
    by_definition: FxHashMap<Definition, Symbol>,
    guards: Vec<(Fact, Rc<[Symbol]>)>,
    frames: Vec<Frame>,
    /// Only symbols below this may be asked about, while it is derived.
    limit: Option<Symbol>,
    depth: usize,
    pub(super) choices: usize,
    questions: u64,
}

impl Knowledge {
    pub fn new() -> Self {
        Knowledge {
            symbols: Vec::new(),
            by_definition: FxHashMap::default(),
            guards: Vec::new(),
            frames: vec![Frame::default()],
            limit: None,
            depth: 0,
            choices: 0,
            questions: 0,
        }
    }

    /// Whether the analysis has asked more than it may: then it knows nothing more.
    pub fn exhausted(&self) -> bool {
        self.questions > MAX_QUESTIONS
    }

    /// Counts a step of the analysis.
    pub fn spend(&mut self) {
        self.questions += 1;
    }

    /// The symbol for the next definition: all symbols so far are below it.
    pub fn next(&self) -> Symbol {
        Symbol(self.symbols.len() as u32)
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
    pub fn choose(&mut self, ways: Vec<Way>, signed: bool, outer: Symbol) -> Symbol {
        let symbol = self.add(Definition::Choice { ways: ways.into(), signed, outer });
        let facts = self.facts(symbol);
        self.symbols[symbol.0 as usize].everywhere = facts;
        symbol
    }

    fn add(&mut self, definition: Definition) -> Symbol {
        let symbol = self.next();
        let mut support = vec![symbol];
        definition.visit_forms(&mut |form| {
            form.symbols().for_each(|s| support.extend_from_slice(&self.symbols[s.0 as usize].support));
        });
        support.sort_unstable();
        support.dedup();
        let range = Fact { form: Form::symbol(symbol), range: definition.widest() };
        self.symbols.push(Known { definition, support: support.into(), everywhere: [range].into() });
        symbol
    }

    pub fn definition(&self, symbol: Symbol) -> &Definition {
        &self.symbols[symbol.0 as usize].definition
    }

    /// The symbols that a form is made of, directly or through definitions, sorted.
    pub fn support(&self, form: &Form) -> Vec<Symbol> {
        let mut all: Vec<Symbol> =
            form.symbols().flat_map(|s| self.symbols[s.0 as usize].support.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    // Frames.

    /// Opens a frame for further guards.
    pub fn push(&mut self) {
        let impossible = self.impossible();
        self.frames.push(Frame { guards: self.guards.len(), impossible, ..Frame::default() });
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
    pub fn impossible(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.impossible)
    }

    /// How many guards hold, for [`guards_since`](Self::guards_since).
    pub fn guard_count(&self) -> usize {
        self.guards.len()
    }

    /// The guards that came after the first `count`.
    pub fn guards_since(&self, count: usize) -> Vec<Fact> {
        self.guards[count..].iter().map(|(fact, _)| fact.clone()).collect()
    }

    /// Learns, in the innermost frame, that no invocation comes here.
    pub fn give_up_here(&mut self) {
        self.frame().impossible = true;
    }

    /// Learns, in the innermost frame, that `form` lies in `range`.
    pub fn learn(&mut self, form: &Form, range: Range) {
        let range = range.shift(-form.constant);
        let divisor = form.divisor();
        if divisor == 0 {
            if range.is_empty() || range.lo > 0 || range.hi < 0 {
                self.give_up_here();
            }
            return;
        }
        let form = form.linear().divided(divisor);
        let lo = if range.lo > -Range::FAR { div_ceil(range.lo, divisor) } else { range.lo };
        let hi = if range.hi < Range::FAR { div_floor(range.hi, divisor) } else { range.hi };
        let range = Range::new(lo, hi);
        let known = self.bound(&form);
        if known.intersect(range).is_empty() {
            self.give_up_here();
        } else if !range.contains(known) {
            self.push_guard(Fact { form, range });
        }
    }

    fn push_guard(&mut self, fact: Fact) {
        let support = self.support(&fact.form).into();
        self.guards.push((fact, support));
        let frame = self.frame();
        frame.derived.clear();
        frame.readings.clear();
    }

    /// Takes over guards that held, together, where control came from.
    pub fn hold(&mut self, facts: &[Fact]) {
        facts.iter().for_each(|fact| self.push_guard(fact.clone()));
    }

    /// Learns facts that are known to hold here.
    pub fn learn_all(&mut self, facts: &[Fact]) {
        for fact in facts {
            if self.impossible() {
                break;
            }
            self.learn(&fact.form, fact.range);
        }
    }

    // Questions.

    /// What is known about a symbol here: its range first.
    pub(super) fn facts(&mut self, symbol: Symbol) -> Rc<[Fact]> {
        let known = &self.symbols[symbol.0 as usize];
        let choice = matches!(known.definition, Definition::Choice { .. });
        if matches!(known.definition, Definition::Within(_)) {
            return known.everywhere.clone();
        }
        if let Some(facts) = self.frames.last().and_then(|frame| frame.derived.get(&symbol)) {
            return facts.clone();
        }
        if self.depth >= MAX_DEPTH || (choice && self.choices >= MAX_CHOICES) || self.exhausted() {
            return self.symbols[symbol.0 as usize].everywhere.clone();
        }
        self.depth += 1;
        let outer = self.limit.replace(symbol);
        let everywhere = self.symbols[symbol.0 as usize].everywhere.clone();
        let mut facts = self.derive(symbol);
        // The range stands first and is the narrower of the two.
        facts[0].range = facts[0].range.intersect(everywhere[0].range);
        facts.extend(everywhere[1..].iter().cloned());
        let facts: Rc<[Fact]> = facts.into();
        self.limit = outer;
        self.depth -= 1;
        self.frame().derived.insert(symbol, facts.clone());
        facts
    }

    /// The range of a form over the invocations that come here.
    pub fn bound(&mut self, form: &Form) -> Range {
        if self.impossible() {
            return Range::EMPTY;
        }
        if let Some(number) = form.as_number() {
            return Range::only(number);
        }
        self.questions += 1;
        if self.exhausted() {
            return Range::ALL;
        }
        // Between multiples there is nothing.
        let divisor = form.divisor();
        if divisor > 1 {
            let Range { lo, hi } = self.bound(&form.linear().divided(divisor));
            let times = |x: i128| if x.abs() >= Range::FAR { x } else { x * divisor };
            return Range { lo: times(lo), hi: times(hi) }.shift(form.constant);
        }
        let (problem, goal) = self.question(form);
        if problem.ranges.iter().any(|range| range.is_empty()) {
            return Range::EMPTY;
        }
        let opposite: Vec<i128> = goal.iter().map(|c| -c).collect();
        match (problem.greatest(&goal), problem.greatest(&opposite)) {
            (Greatest::AtMost(hi), Greatest::AtMost(lo)) => {
                let clamp = |x: i128| x.clamp(-Range::FAR, Range::FAR);
                let range = Range::new(clamp(-lo), clamp(hi)).shift(form.constant);
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
                let replaced = form.plus(factor, &fact.form).map(|f| f.shift(-factor * fact.range.lo));
                form = replaced.unwrap_or(form);
            }
        }
        form
    }

    /// All that bears on a form: its symbols, what is known about them, and guards on the same coordinates.
    fn question(&mut self, form: &Form) -> (Problem, Vec<i128>) {
        let mut gathered = Gathered::default();
        form.symbols().for_each(|s| gathered.want(s));
        let support = self.support(form);
        let limit = self.limit;
        let allowed = |fact: &Fact| limit.is_none_or(|limit| fact.form.symbols().all(|s| s <= limit));
        let bears = |other: &[Symbol]| other.iter().any(|s| support.binary_search(s).is_ok());
        let guards: Vec<Fact> = self
            .guards
            .iter()
            .filter(|(fact, support)| allowed(fact) && bears(support))
            .map(|(fact, _)| fact.clone())
            .collect();
        guards.into_iter().for_each(|guard| gathered.add(guard));
        let mut at = 0;
        while let Some(&symbol) = gathered.symbols.get(at) {
            at += 1;
            // What is being derived is known by its definition only.
            let facts = match limit {
                Some(limit) if symbol >= limit => self.symbols[symbol.0 as usize].everywhere.clone(),
                _ => self.facts(symbol),
            };
            facts.iter().for_each(|fact| gathered.add(fact.clone()));
        }
        gathered.problem(form)
    }

    /// The number that the value of `form` is, as a form: `form` itself up to a multiple of 2^32, or a symbol for it.
    pub fn reading(&mut self, form: &Form, signed: bool) -> Form {
        const TURN: i128 = 1 << 32;
        let window = Range::window(signed);
        let turns = |x: i128| div_floor(x - window.lo, TURN);
        if let Some(number) = form.as_number() {
            return Form::number(number - turns(number) * TURN);
        }
        let key = (form.clone(), signed, self.limit);
        if let Some(known) = self.frames.last().and_then(|frame| frame.readings.get(&key)) {
            return known.clone();
        }
        let range = self.bound(form);
        let reading = if range.is_empty() {
            form.clone()
        } else {
            let offset = turns(range.lo) * TURN;
            if window.contains(range.shift(-offset)) {
                self.resolve(form.shift(-offset))
            } else {
                let turned = form.shift(-turns(form.constant) * TURN);
                let reading = Form::symbol(self.define(Definition::Reading { form: turned, signed }));
                self.resolve(reading)
            }
        };
        self.frame().readings.insert(key, reading.clone());
        reading
    }
}

/// The symbols and facts of a question.
#[derive(Default)]
struct Gathered {
    symbols: Vec<Symbol>,
    places: FxHashMap<Symbol, usize>,
    ranges: Vec<Range>,
    facts: Vec<Fact>,
}

impl Gathered {
    fn want(&mut self, symbol: Symbol) {
        let next = self.symbols.len();
        if *self.places.entry(symbol).or_insert(next) == next {
            self.symbols.push(symbol);
            self.ranges.push(Range::ALL);
        }
    }

    fn add(&mut self, fact: Fact) {
        let terms = fact.form.terms();
        let unknown = terms.iter().filter(|(s, _)| !self.places.contains_key(s)).count();
        // To leave a fact out is right, only less precise.
        if self.symbols.len() + unknown > MAX_SYMBOLS {
            return;
        }
        terms.iter().for_each(|&(s, _)| self.want(s));
        match *terms {
            [(symbol, 1)] => {
                let range = &mut self.ranges[self.places[&symbol]];
                *range = range.intersect(fact.range);
            }
            _ => self.facts.push(fact),
        }
    }

    fn problem(self, form: &Form) -> (Problem, Vec<i128>) {
        let row = |form: &Form| {
            let mut row = vec![0; self.symbols.len()];
            form.terms().iter().for_each(|&(s, c)| row[self.places[&s]] = c);
            row
        };
        let goal = row(form);
        let facts = self.facts.iter().map(|fact| (row(&fact.form), fact.range)).collect();
        (Problem { ranges: self.ranges, facts }, goal)
    }
}
