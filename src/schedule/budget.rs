//! Who may take how much of a device's memory, and in which order.
//!
//! Calls take all that they need at once, and give it back when they end; what does not fit waits its turn. Buffers that stay are
//! held beside that, and never wait. Whoever has waited longest comes first, save that little may overtake much: a call of a few
//! elements does not wait for large ones to end, and together those that overtake never hold so much that the first in line
//! could not run for them.

use std::collections::VecDeque;

/// What is little: so much of the limit, and so much of it for all that overtake.
const LITTLE: u64 = 64;
const OVERTAKING: u64 = 16;

/// The memory of one device.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limit: u64,
    /// Held by buffers that stay, and by calls.
    resident: u64,
    taken: u64,
    /// Of that, by calls that overtook.
    overtaking: u64,
    waiting: VecDeque<Waiting>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    bytes: u64,
}

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// Memory that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    bytes: u64,
    overtook: bool,
}

/// An answer to who asks for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken(Taken),
    /// Ask again with this once something was given back.
    Wait(Turn),
    /// There is less for all calls together, which is how much.
    TooMuch(u64),
}

impl Budget {
    pub fn new(limit: u64) -> Budget {
        Budget { limit, resident: 0, taken: 0, overtaking: 0, waiting: VecDeque::new(), next: 0 }
    }

    /// Bytes in all.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that calls can have together.
    pub fn for_calls(&self) -> u64 {
        self.limit.saturating_sub(self.resident)
    }

    /// Asks for memory for a call.
    pub fn ask(&mut self, bytes: u64) -> Answer {
        let turn = Turn(self.next);
        match self.decide(bytes, self.waiting.front().copied()) {
            Answer::Wait(_) => {
                self.next += 1;
                self.waiting.push_back(Waiting { number: turn.0, bytes });
                Answer::Wait(turn)
            }
            answer => answer,
        }
    }

    /// As [`ask`](Budget::ask), and does not wait in line.
    pub fn ask_at_once(&mut self, bytes: u64) -> Option<Taken> {
        match self.decide(bytes, self.waiting.front().copied()) {
            Answer::Taken(taken) => Some(taken),
            Answer::Wait(_) | Answer::TooMuch(_) => None,
        }
    }

    /// Asks again.
    pub fn ask_again(&mut self, turn: Turn) -> Answer {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.number == turn.0) else {
            return Answer::TooMuch(0);
        };
        let first = if at == 0 { None } else { self.waiting.front().copied() };
        let answer = match self.decide(self.waiting[at].bytes, first) {
            Answer::Wait(_) => return Answer::Wait(turn),
            answer => answer,
        };
        self.waiting.remove(at);
        answer
    }

    /// Leaves the line.
    pub fn leave(&mut self, turn: Turn) {
        self.waiting.retain(|waiting| waiting.number != turn.0);
    }

    /// What somebody is told behind who is first in line, if anybody is. What is to wait has no place yet.
    fn decide(&mut self, bytes: u64, first: Option<Waiting>) -> Answer {
        if bytes > self.for_calls() {
            return Answer::TooMuch(self.for_calls());
        }
        let fits = self.taken + bytes <= self.for_calls();
        let overtakes = first.is_some();
        let may = first.is_none_or(|first| {
            let reserve = self.limit / OVERTAKING;
            let is_little = bytes <= self.limit / LITTLE && self.overtaking + bytes <= reserve;
            // What needs nearly all of it would wait for ever for those who overtake.
            is_little && first.bytes + reserve <= self.for_calls()
        });
        if !fits || !may {
            return Answer::Wait(Turn(self.next));
        }
        self.taken += bytes;
        if overtakes {
            self.overtaking += bytes;
        }
        Answer::Taken(Taken { bytes, overtook: overtakes })
    }

    /// A call gives its memory back.
    pub fn give_back(&mut self, taken: Taken) {
        self.taken -= taken.bytes;
        if taken.overtook {
            self.overtaking -= taken.bytes;
        }
    }

    /// Memory for a buffer that stays; else how much there is for one now.
    pub fn hold(&mut self, bytes: u64) -> Result<(), u64> {
        let free = self.for_calls().saturating_sub(self.taken);
        if bytes > free {
            return Err(free);
        }
        self.resident += bytes;
        Ok(())
    }

    /// The buffer is gone.
    pub fn let_go(&mut self, bytes: u64) {
        self.resident -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const LIMIT: u64 = 6400;

    fn taken(answer: Answer) -> Taken {
        match answer {
            Answer::Taken(taken) => taken,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_waited_longest_comes_first() {
        let mut budget = Budget::new(LIMIT);
        let first = taken(budget.ask(6000));
        let Answer::Wait(second) = budget.ask(3000) else { panic!("there is no room") };
        let Answer::Wait(third) = budget.ask(400) else { panic!("somebody is in front") };
        assert_eq!(budget.ask_again(third), Answer::Wait(third));
        budget.give_back(first);
        assert_eq!(budget.ask_again(third), Answer::Wait(third), "it would fit, and is not the first");
        taken(budget.ask_again(second));
        taken(budget.ask_again(third));
    }

    #[test]
    fn little_overtakes_much_but_not_for_ever() {
        let mut budget = Budget::new(LIMIT);
        let large = taken(budget.ask(5900));
        let Answer::Wait(next) = budget.ask(5900) else { panic!("there is no room") };
        // A hundred each, four hundred in all.
        let little: Vec<Taken> = (0..4).map(|_| taken(budget.ask(100))).collect();
        let Answer::Wait(fifth) = budget.ask(100) else { panic!("too many overtake") };
        budget.give_back(large);
        taken(budget.ask_again(next));
        assert_eq!(budget.ask_again(fifth), Answer::Taken(Taken { bytes: 100, overtook: false }));
        little.into_iter().for_each(|little| budget.give_back(little));
    }

    #[test]
    fn who_needs_all_of_it_is_not_overtaken() {
        let mut budget = Budget::new(LIMIT);
        let small = taken(budget.ask(10));
        let Answer::Wait(all) = budget.ask(LIMIT) else { panic!("there is no room") };
        assert!(matches!(budget.ask(10), Answer::Wait(_)));
        budget.give_back(small);
        taken(budget.ask_again(all));
    }

    #[test]
    fn buffers_that_stay_take_from_calls_and_never_wait() {
        let mut budget = Budget::new(LIMIT);
        budget.hold(6000).expect("there is room");
        assert_eq!(budget.ask(500), Answer::TooMuch(400));
        let call = taken(budget.ask(300));
        assert_eq!(budget.hold(200), Err(100));
        budget.let_go(6000);
        budget.give_back(call);
        taken(budget.ask(LIMIT));
    }

    proptest! {
        /// Calls of any sizes that come, end and give up in any order: the limit holds, and all that wait are served.
        #[test]
        fn the_limit_holds_and_nobody_starves(steps in vec((0u8..8, 1u64..LIMIT + 1), 1..300)) {
            let mut budget = Budget::new(LIMIT);
            let (mut running, mut waiting, mut held): (Vec<Taken>, Vec<(Turn, u64)>, Vec<u64>) = Default::default();
            for (what, number) in steps {
                let pick = |len: usize| number as usize % len;
                match what {
                    0..=3 => {
                        let bytes = if what == 0 { number } else { number % 90 + 1 };
                        match budget.ask(bytes) {
                            Answer::Taken(taken) => running.push(taken),
                            Answer::Wait(turn) => waiting.push((turn, bytes)),
                            Answer::TooMuch(most) => prop_assert!(bytes > most),
                        }
                    }
                    4 | 5 if !running.is_empty() => budget.give_back(running.swap_remove(pick(running.len()))),
                    6 if !waiting.is_empty() => budget.leave(waiting.remove(pick(waiting.len())).0),
                    7 if held.is_empty() => held.extend(budget.hold(number / 4).map(|()| number / 4)),
                    7 => held.drain(..).for_each(|bytes| budget.let_go(bytes)),
                    _ => {}
                }
                waiting.retain(|&(turn, _)| match budget.ask_again(turn) {
                    Answer::Taken(taken) => {
                        running.push(taken);
                        false
                    }
                    Answer::Wait(_) => true,
                    Answer::TooMuch(_) => false,
                });
                let used: u64 = running.iter().map(|taken| taken.bytes).chain(held.iter().copied()).sum();
                prop_assert!(used <= LIMIT);
                prop_assert_eq!(used, budget.taken + budget.resident);
            }
            // Little ones go on coming and going for as long as anybody waits.
            held.drain(..).for_each(|bytes| budget.let_go(bytes));
            let mut rounds = 0;
            while !waiting.is_empty() {
                rounds += 1;
                prop_assert!(rounds < 2000, "{waiting:?} wait for ever");
                if let Answer::Taken(taken) = budget.ask(20) {
                    running.push(taken);
                }
                if !running.is_empty() {
                    budget.give_back(running.remove(0));
                }
                let mut served = Vec::new();
                waiting.retain(|&(turn, _)| match budget.ask_again(turn) {
                    Answer::Taken(taken) => {
                        served.push(taken);
                        false
                    }
                    answer => answer == Answer::Wait(turn),
                });
                running.extend(served);
            }
        }
    }
}
