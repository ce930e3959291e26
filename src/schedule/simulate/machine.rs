//! The virtual clock: claims on their way through the stages of their members.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use super::{Dice, Law};
use crate::schedule::{Answer, Claim, ClaimId, Event, Failure, Landing, Ledger, MemberId, MemberSpec, Policy, Share};

/// What came of a simulated call.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Seconds until every unit was committed.
    pub seconds: f64,
    /// Claims made.
    pub claims: u64,
    /// What each member did.
    pub shares: Vec<Share>,
    /// All that happened, if the simulation is watched.
    pub events: Vec<Event>,
    /// All that the ledger was told, in the same case.
    pub calls: Vec<Call>,
}

impl Outcome {
    /// Units computed in vain.
    pub fn discarded(&self) -> u64 {
        self.shares.iter().map(|share| u64::from(share.discarded)).sum()
    }
}

/// Something that a ledger is told.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    /// A member asks for work.
    Claim(MemberId, Duration),
    /// A claim landed, and what counts of it is committed.
    Landed(ClaimId, Duration),
    /// A claim failed.
    Failed(ClaimId, Failure, Duration),
    /// A member is lost.
    Lose(MemberId, Duration),
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
        let ledger = self.ledger();
        let mut run = Run {
            machine: Machine::new(self.laws, self.seed),
            ledger: if self.is_watched { ledger.watched() } else { ledger },
            claims: Vec::new(),
            questions: vec![0; self.laws.len()],
            calls: self.is_watched.then(Vec::new),
        };
        let seconds = run.all();
        Outcome {
            seconds,
            claims: run.claims.len() as u64,
            shares: (0..self.laws.len() as u32).map(|at| run.ledger.share(MemberId(at), time(seconds))).collect(),
            events: run.ledger.take_events(),
            calls: run.calls.unwrap_or_default(),
        }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.units, self.specs.clone()).with_policy(self.policy)
    }

    /// Tells a fresh ledger what another was told: all of its work, and nothing of the simulation's. It answers as the other
    /// did, and ends finished.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn replay(&self, calls: &[Call]) {
        let mut ledger = self.ledger();
        for call in calls {
            tell(&mut ledger, *call);
        }
        assert!(ledger.is_finished(), "a ledger answers the same questions in two ways");
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

/// The seconds that a member takes alone, without noise, where its units are cut into as many equal tiles as suit it best.
pub fn alone(units: u32, law: &Law) -> f64 {
    let law = [Law { noise: 0.0, ..law.clone() }];
    let least = units.div_ceil(law[0].memory);
    let counts = std::iter::successors(Some(least), |count| count.checked_mul(2)).take_while(|count| *count <= 256);
    counts.map(|count| tiles_alone(units, count.min(units), &law)).fold(f64::INFINITY, f64::min)
}

fn tiles_alone(units: u32, tiles: u32, laws: &[Law]) -> f64 {
    let mut machine = Machine::new(laws, 0);
    let (mut started, mut given, mut last) = (0, 0, 0.0);
    let mut start = |machine: &mut Machine<'_>, now| {
        if started < tiles {
            started += 1;
            let end = (u64::from(units) * u64::from(started) / u64::from(tiles)) as u32;
            machine.start(u64::from(started), MemberId(0), end - given, now);
            given = end;
        }
    };
    (0..laws[0].depth).for_each(|_| start(&mut machine, 0.0));
    while let Some((now, moment)) = machine.next() {
        if let Moment::Landed(..) = moment {
            last = now;
            start(&mut machine, now);
        }
    }
    last
}

/// A moment, in order.
struct At(f64);

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

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

/// Tells a ledger, and gives its answer to a member that asks.
fn tell(ledger: &mut Ledger, call: Call) -> Option<Answer> {
    match call {
        Call::Claim(member, now) => return Some(ledger.claim(member, now)),
        Call::Landed(claim, now) => {
            if let Landing::Commit(_) = ledger.landed(claim, now) {
                ledger.committed(claim);
            }
        }
        Call::Failed(claim, why, now) => _ = ledger.failed(claim, why, now),
        Call::Lose(member, now) => ledger.lose(member, now),
    }
    None
}

/// A call on its way, as the ledger has it.
struct Run<'a> {
    machine: Machine<'a>,
    ledger: Ledger,
    claims: Vec<Claim>,
    /// How often each member has asked.
    questions: Vec<u64>,
    calls: Option<Vec<Call>>,
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
        while let Some((now, moment)) = self.machine.next() {
            match moment {
                Moment::Ask(member, question) if self.questions[member.0 as usize] == question => self.ask(member, now),
                Moment::Ask(..) | Moment::Computed(..) => {}
                Moment::Dies(member) => {
                    self.tell(Call::Lose(member, time(now)));
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

    fn tell(&mut self, call: Call) -> Option<Answer> {
        if let Some(calls) = &mut self.calls {
            calls.push(call);
        }
        tell(&mut self.ledger, call)
    }

    fn landed(&mut self, claim: u64, now: f64) {
        let claim = &self.claims[claim as usize];
        let (id, count) = (claim.id, claim.units.end - claim.units.start);
        let law = &self.machine.laws[claim.member.0 as usize];
        let failure = if count > law.memory {
            Some(Failure::OutOfMemory)
        } else {
            (law.failures > 0.0 && self.machine.dice.chance(law.failures)).then_some(Failure::Passing)
        };
        match failure {
            Some(why) => {
                self.tell(Call::Failed(id, why, time(now)));
                self.wake(now);
            }
            None => _ = self.tell(Call::Landed(id, time(now))),
        }
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
            match self.tell(Call::Claim(member, time(now))) {
                Some(Answer::Claim(claim)) => {
                    let (number, count) = (self.claims.len() as u64, claim.units.end - claim.units.start);
                    self.machine.start(number, member, count, now);
                    self.claims.push(claim);
                }
                Some(Answer::Wait(Some(until))) => {
                    return self.machine.push(until.as_secs_f64().max(now + 1e-6), Moment::Ask(member, question));
                }
                _ => return,
            }
        }
    }
}
