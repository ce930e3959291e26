//! Answers that were found before, and what they depend on.
//!
//! A question has the same answer wherever the same guards bear on it. So an answer is kept with the symbols that were
//! looked at to find it, and with the guards that bore on those; it is given again where just these bear on them,
//! whatever else was learned in between and however often the walk has been elsewhere.
//!
//! Why that is right: an answer is a conclusion from definitions, from facts that hold wherever a symbol is known, and from
//! guards. Definitions never change, and a symbol is never given another meaning: a loop's parameter that is tried out in
//! another range is another symbol. Facts of the second kind are settled when their symbol is made; an answer can meet
//! the symbol only in its own form, or in a guard, and so only where it is known. What is left is guards. A guard is used
//! for a question if its support meets that of the question's form, which is noted in the [`Trace`]; the questions that this
//! one led to have traces of their own, which are joined to it. Guards that they were asked under, those of the ways of a
//! choice, are part of its definition. So all guards outside that were used are among those that bear on the trace's
//! symbols, and as the answer is given again only where the same ones bear on them, in the same order, they hold there.
//!
//! Three things are not in a trace. Where no invocation comes, everything follows, from guards that are on nothing in
//! particular: nothing is asked there ([`Knowledge`](super::facts::Knowledge) answers by itself), and nothing is kept. When
//! the work became too much, less is found than could be: that is not kept. How far derivations may still lead is kept
//! beside the answer, which is right wherever the guards hold but may be less than what can be found elsewhere.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{
    facts::Fact,
    form::{Form, Range, Symbol},
};

/// A set of symbols, one bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolSet(Vec<u64>);

impl SymbolSet {
    pub fn insert(&mut self, Symbol(symbol): Symbol) {
        let word = symbol as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (symbol % 64);
    }

    pub fn contains(&self, Symbol(symbol): Symbol) -> bool {
        self.0.get(symbol as usize / 64).is_some_and(|word| word & 1 << (symbol % 64) != 0)
    }

    pub fn unite(&mut self, other: &SymbolSet) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    pub fn meets(&self, other: &SymbolSet) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// The symbols, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let bits = (0..64).filter(move |bit| word & 1 << bit != 0);
            bits.map(move |bit| Symbol(at as u32 * 64 + bit))
        })
    }
}

/// A fact that holds at the current place.
#[derive(Clone)]
pub struct Guard {
    pub fact: Rc<Fact>,
    /// The same for equal facts.
    pub id: u32,
    /// All symbols that the fact is about, directly or through definitions.
    pub support: Rc<SymbolSet>,
    /// The newest symbol of its form.
    pub newest: Symbol,
}

impl Guard {
    /// Whether it may be used while only symbols up to `limit` may be asked about.
    pub fn is_allowed(&self, limit: Option<Symbol>) -> bool {
        limit.is_none_or(|limit| self.newest <= limit)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// What is known about a symbol.
    Facts(Symbol),
    /// The range of a form without a constant.
    IndexBound(Form),
    /// The number that a form is, signed or not.
    Reading(Form, bool),
}

#[derive(Clone)]
pub enum Answer {
    Facts(Rc<[Fact]>),
    IndexBound(Range),
    Reading(Form),
}

/// How far derivations had led when a question was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub symbols: usize,
    pub choices: usize,
}

/// What was looked at for an answer.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Guards on none of these symbols make no difference.
    pub symbols: SymbolSet,
    /// The newest symbol whose facts were asked for: where all that are newer are out of the question, it makes no
    /// difference which those are.
    pub newest: Option<Symbol>,
    /// Whether derivations went as far as they may, so that from nearer by more may be found.
    pub is_cut: bool,
    /// Whether the work became too much: what is found then is not kept.
    pub is_tired: bool,
}

impl Trace {
    /// Adds what was looked at for an answer that this one rests on.
    pub fn join(&mut self, other: &Trace) {
        self.symbols.unite(&other.symbols);
        self.newest = self.newest.max(other.newest);
        self.is_cut |= other.is_cut;
        self.is_tired |= other.is_tired;
    }
}

/// Where a question is asked.
pub struct Here<'a> {
    pub guards: &'a [Guard],
    /// Only symbols below this may be asked about.
    pub limit: Option<Symbol>,
    pub depth: Depth,
    /// A number for the guards as they are now.
    pub epoch: u64,
}

struct Entry {
    answer: Answer,
    trace: Trace,
    /// The guards that bear on the symbols.
    guards: Vec<u32>,
    limit: Option<Symbol>,
    depth: Depth,
    epoch: u64,
}

impl Entry {
    fn holds(&self, here: &Here<'_>) -> bool {
        let older = |limit: Option<Symbol>| limit.is_none_or(|limit| self.trace.newest.is_none_or(|s| s < limit));
        let near = self.depth.symbols <= here.depth.symbols && self.depth.choices <= here.depth.choices;
        (self.limit == here.limit || older(self.limit) && older(here.limit))
            && (!self.trace.is_cut || near || self.epoch == here.epoch)
            && bearing(here, &self.trace.symbols).eq(self.guards.iter().copied())
    }
}

fn bearing<'a>(here: &'a Here<'_>, symbols: &'a SymbolSet) -> impl Iterator<Item = u32> + 'a {
    let bears = |guard: &&Guard| guard.is_allowed(here.limit) && guard.support.meets(symbols);
    here.guards.iter().filter(bears).map(|guard| guard.id)
}

/// Answers to one question that are kept; the newest are the ones that are asked for again.
const MAX_ENTRIES: usize = 8;

/// All answers.
#[derive(Default)]
pub struct Memo(FxHashMap<Question, Vec<Entry>>);

impl Memo {
    /// An answer that holds here, and what it depends on. Adds the entries that were looked at to `work`.
    pub fn recall(&self, question: &Question, here: &Here<'_>, work: &mut u64) -> Option<(Answer, &Trace)> {
        let entries = self.0.get(question)?;
        let entry = entries.iter().rev().find(|entry| {
            *work += here.guards.len() as u64;
            entry.holds(here)
        })?;
        Some((entry.answer.clone(), &entry.trace))
    }

    pub fn keep(&mut self, question: Question, here: &Here<'_>, answer: Answer, trace: Trace) {
        let guards = bearing(here, &trace.symbols).collect();
        let entries = self.0.entry(question).or_default();
        if entries.len() == MAX_ENTRIES {
            entries.remove(0);
        }
        entries.push(Entry { answer, trace, guards, limit: here.limit, depth: here.depth, epoch: here.epoch });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(symbols: &[u32]) -> SymbolSet {
        let mut set = SymbolSet::default();
        symbols.iter().for_each(|&s| set.insert(Symbol(s)));
        set
    }

    #[test]
    fn sets_of_symbols() {
        let mut a = set(&[3, 64, 200]);
        assert_eq!(a.iter().collect::<Vec<_>>(), [Symbol(3), Symbol(64), Symbol(200)]);
        assert!(a.contains(Symbol(64)) && !a.contains(Symbol(65)) && !a.contains(Symbol(5000)));
        assert!(a.meets(&set(&[64])) && !a.meets(&set(&[4, 65])) && !a.meets(&set(&[300])));
        a.unite(&set(&[1, 400]));
        assert_eq!(a, set(&[1, 3, 64, 200, 400]));
    }

    #[test]
    fn answers_hold_where_the_same_guards_bear_on_them() {
        let guard = |id: u32, symbols: &[u32]| Guard {
            fact: Rc::new(Fact { form: Form::symbol(Symbol(symbols[0])), range: Range::only(0) }),
            id,
            support: Rc::new(set(symbols)),
            newest: Symbol(symbols[0]),
        };
        let here = |guards: &'static [Guard], limit, symbols| Here {
            guards,
            limit,
            depth: Depth { symbols, choices: 0 },
            epoch: 0,
        };
        let fixed = |guards: Vec<Guard>| -> &'static [Guard] { Box::leak(guards.into_boxed_slice()) };
        let (x, other) = (guard(0, &[1]), guard(1, &[7]));
        let with_x = fixed(vec![x.clone()]);
        let with_both = fixed(vec![other.clone(), x]);
        let without = fixed(vec![other]);
        let question = || Question::IndexBound(Form::symbol(Symbol(2)));
        let trace = Trace { symbols: set(&[1, 2]), newest: Some(Symbol(2)), ..Trace::default() };
        let mut memo = Memo::default();
        memo.keep(question(), &here(with_x, None, 3), Answer::IndexBound(Range::only(5)), trace.clone());
        let found = |memo: &Memo, here: Here<'_>| memo.recall(&question(), &here, &mut 0).is_some();
        assert!(found(&memo, here(with_x, None, 0)));
        assert!(found(&memo, here(with_both, None, 0)));
        assert!(!found(&memo, here(without, None, 0)));
        // A limit above all that was asked for changes nothing.
        assert!(found(&memo, here(with_x, Some(Symbol(3)), 0)));
        assert!(!found(&memo, here(with_x, Some(Symbol(2)), 0)));
        // What was found from far away may be less than what can be found from here.
        let mut memo = Memo::default();
        memo.keep(
            question(),
            &Here { epoch: 1, ..here(with_x, None, 3) },
            Answer::IndexBound(Range::only(5)),
            Trace { is_cut: true, ..trace },
        );
        assert!(!found(&memo, here(with_x, None, 2)));
        assert!(found(&memo, here(with_x, None, 3)));
    }
}
