//! The virtual clock: claims on their way through the stages of their members.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use super::{Dice, Law};
use crate::schedule::{Answer, Claim, Event, Failure, Landing, Ledger, MemberId, MemberSpec, Policy, Share};

/// What came of a simulated call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Seconds until every unit was committed.
    pub seconds: f64,
    /// Claims made.
    pub claims: u64,
    /// Real time that the ledger took for all of it.
    pub ledger: Duration,
    /// What each member did.
    pub shares: Vec<Share>,
    /// All that happened, if the simulation is watched.
    pub events: Vec<Event>,
}

impl Outcome {
    /// Units computed in vain.
    pub fn discarded(&self) -> u64 {
        self.shares.iter().map(|share| u64::from(share.discarded)).sum()
    }

    /// Real time that the ledger took for each claim.
    pub fn ledger_per_claim(&self) -> Duration {
        self.ledger / u32::try_from(self.claims.max(1)).unwrap_or(u32::MAX)
    }
}

/// A simulated call: units, and members with their laws.
#[derive(Clone, Debug)]
pub struct Simulation<'a> {
    /// Units of the call.
    pub units: u32,
    /// The members.
    pub laws: &'a [Law],
    /// What the ledger is told of them.
    pub specs: Vec<MemberSpec>,
    /// For the noise.
    pub seed: u64,
    /// The numbers of the policy.
    pub policy: Policy,
    /// Whether to keep all that happens.
    pub is_watched: bool,
}

impl<'a> Simulation<'a> {
    /// Members of whose speed nothing is known.
    pub fn new(units: u32, laws: &'a [Law], seed: u64) -> Self {
        let spec = |law: &Law| MemberSpec { depth: law.depth, in_place: law.in_place, ..MemberSpec::default() };
        Simulation {
            units,
            laws,
            specs: laws.iter().map(spec).collect(),
            seed,
            policy: Policy::default(),
            is_watched: false,
        }
    }

    /// Runs the call as the ledger has it.
    ///
    /// # Panics
    ///
    /// If the ledger forgets units: nobody is at work, and the call is not done.
    pub fn run(&self) -> Outcome {
        let ledger = Ledger::new(self.units, self.specs.clone()).with_policy(self.policy);
        let ledger = if self.is_watched { ledger.watched() } else { ledger };
        let mut run = Run {
            machine: Machine::new(self.laws, self.seed),
            ledger,
            claims: Vec::new(),
            questions: vec![0; self.laws.len()],
            spent: Duration::ZERO,
        };
        let seconds = run.all();
        Outcome {
            seconds,
            claims: run.claims.len() as u64,
            ledger: run.spent,
            shares: (0..self.laws.len() as u32).map(|at| run.ledger.share(MemberId(at), time(seconds))).collect(),
            events: run.ledger.take_events(),
        }
    }

    /// The seconds that the call takes where each member gets all its units at the start, as its best speed deserves.
    pub fn fixed_split(&self) -> f64 {
        let mut machine = Machine::new(self.laws, self.seed);
        let speed = |law: &Law| law.rate.min(law.link.up).min(law.link.down);
        let sum: f64 = self.laws.iter().map(speed).sum();
        let (mut speeds, mut given) = (0.0, 0);
        for (at, law) in (0..).zip(self.laws) {
            speeds += speed(law);
            let end = (f64::from(self.units) * speeds / sum).round() as u32;
            if end > given {
                machine.start(u64::from(at), MemberId(at), end - given, 0.0);
            }
            given = end;
        }
        let mut last = 0.0;
        while let Some((now, event)) = machine.next() {
            if let Moment::Landed(..) = event {
                last = now;
            }
        }
        last
    }
}

/// A moment, in order.
#[derive(PartialEq, PartialOrd)]
struct At(f64);

impl Eq for At {}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// The member's computation of a claim of so many units is over.
    Computed(u64, MemberId, u32),
    /// The claim's results are there.
    Landed(u64, MemberId),
    /// The member asks, if it has not done so since.
    Ask(MemberId, u64),
    /// The member vanishes.
    Dies(MemberId),
}

/// When each stage of a member is free.
#[derive(Clone, Copy, Debug, Default)]
struct Stages {
    up: f64,
    computation: f64,
    down: f64,
}

/// Members under a virtual clock.
struct Machine<'a> {
    laws: &'a [Law],
    dice: Dice,
    stages: Vec<Stages>,
    /// Those of the shared link.
    shared: Stages,
    /// What happens next; equal times in the order in which they were found.
    events: BinaryHeap<Reverse<(At, u64, Moment)>>,
    count: u64,
}

impl<'a> Machine<'a> {
    fn new(laws: &'a [Law], seed: u64) -> Self {
        Machine {
            laws,
            dice: Dice::new(seed),
            stages: vec![Stages::default(); laws.len()],
            shared: Stages::default(),
            events: BinaryHeap::new(),
            count: 0,
        }
    }

    fn push(&mut self, at: f64, event: Moment) {
        self.count += 1;
        self.events.push(Reverse((At(at), self.count, event)));
    }

    /// A member takes up a claim of so many units.
    fn start(&mut self, claim: u64, member: MemberId, count: u32, now: f64) {
        let law = &self.laws[member.0 as usize];
        let stages = &mut self.stages[member.0 as usize];
        let n = f64::from(count);
        let up = if law.link.is_shared { &mut self.shared.up } else { &mut stages.up };
        let arrived = up.max(now + law.latency) + n / law.link.up;
        *up = arrived;
        let noise = 1.0 + law.noise * self.dice.between(-1.0, 1.0);
        let begins = stages.computation.max(arrived) + law.fixed * noise;
        let seconds = noise * law.seconds(n);
        stages.computation = law.drift.end_of(begins, seconds);
        let computed = stages.computation;
        self.push(computed, Moment::Computed(claim, member, count));
    }

    /// What happens next, and when.
    fn next(&mut self) -> Option<(f64, Moment)> {
        loop {
            let Reverse((At(now), _, event)) = self.events.pop()?;
            let Moment::Computed(claim, member, count) = event else { return Some((now, event)) };
            let law = &self.laws[member.0 as usize];
            let own = &mut self.stages[member.0 as usize].down;
            let down = if law.link.is_shared { &mut self.shared.down } else { own };
            let landed = down.max(now) + f64::from(count) / law.link.down;
            *down = landed;
            self.push(landed, Moment::Landed(claim, member));
        }
    }
}

fn time(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A call on its way, as the ledger has it.
struct Run<'a> {
    machine: Machine<'a>,
    ledger: Ledger,
    claims: Vec<Claim>,
    /// How often each member has asked.
    questions: Vec<u64>,
    spent: Duration,
}

impl Run<'_> {
    fn all(&mut self) -> f64 {
        for at in 0..self.machine.laws.len() {
            let member = MemberId(at as u32);
            self.machine.push(0.0, Moment::Ask(member, 0));
            if let Some(dies) = self.machine.laws[at].dies_at {
                self.machine.push(dies, Moment::Dies(member));
            }
        }
        while let Some((now, event)) = self.machine.next() {
            match event {
                Moment::Ask(member, question) if self.questions[member.0 as usize] == question => self.ask(member, now),
                Moment::Ask(..) | Moment::Computed(..) => {}
                Moment::Dies(member) => {
                    self.ledger.lose(member, time(now));
                    self.wake(now);
                }
                Moment::Landed(claim, member) => {
                    if self.machine.laws[member.0 as usize].dies_at.is_none_or(|dies| now < dies) {
                        self.landed(claim, now);
                        if self.ledger.is_finished() {
                            return now;
                        }
                        self.ask(member, now);
                    }
                }
            }
        }
        panic!("nobody is at work, and {} units are not done", self.ledger.units() - self.ledger.committed_units());
    }

    fn landed(&mut self, claim: u64, now: f64) {
        let claim = &self.claims[claim as usize];
        let law = &self.machine.laws[claim.member.0 as usize];
        let failure = if claim.units.end - claim.units.start > law.memory {
            Some(Failure::OutOfMemory)
        } else {
            (law.failures > 0.0 && self.machine.dice.chance(law.failures)).then_some(Failure::Passing)
        };
        let start = Instant::now();
        if let Some(why) = failure {
            self.ledger.failed(claim.id, why, time(now));
            self.wake(now);
        } else if let Landing::Commit(_) = self.ledger.landed(claim.id, time(now)) {
            self.ledger.committed(claim.id);
        }
        self.spent += start.elapsed();
    }

    /// Units may be free again: whoever waits asks.
    fn wake(&mut self, now: f64) {
        for at in 0..self.questions.len() {
            self.machine.push(now, Moment::Ask(MemberId(at as u32), self.questions[at]));
        }
    }

    /// The member takes what it can get.
    fn ask(&mut self, member: MemberId, now: f64) {
        let question = &mut self.questions[member.0 as usize];
        *question += 1;
        let question = *question;
        loop {
            let start = Instant::now();
            let answer = self.ledger.claim(member, time(now));
            self.spent += start.elapsed();
            match answer {
                Answer::Claim(claim) => {
                    let (number, count) = (self.claims.len() as u64, claim.units.end - claim.units.start);
                    self.machine.start(number, member, count, now);
                    self.claims.push(claim);
                }
                Answer::Wait(Some(until)) => {
                    return self.machine.push(until.as_secs_f64().max(now + 1e-6), Moment::Ask(member, question));
                }
                Answer::Wait(None) | Answer::Fold | Answer::Finished | Answer::Dismissed => return,
            }
        }
    }
}
