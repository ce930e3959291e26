//! The ledger: which units are free, claimed, landed and committed.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use super::{
    ranges::Units,
    size::{Crew, Offer},
    speed::Speed,
};

/// Names a member of a [`Ledger`], in the order in which they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// Names a claim. No two claims of a ledger have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimId(pub u64);

/// What is known of a member before it has done anything.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberSpec {
    /// Units per second, where they are known from earlier runs.
    pub rate: Option<f64>,
    /// Time that a claim costs however small it is, where that is known.
    pub fixed: Option<Duration>,
    /// Its claims have a multiple of so many units, where enough are left.
    pub granularity: u32,
    /// The most units that its memory has room for in one claim.
    pub most: u32,
    /// How many claims it has in flight at most, so that transfers and computation overlap.
    pub depth: u32,
    /// Whether it writes its results where they belong before they are committed. Its claims are never backed up,
    /// and it backs nobody up.
    pub in_place: bool,
}

impl Default for MemberSpec {
    /// A member of unknown speed that takes any number of units, one claim at a time, on copies.
    fn default() -> Self {
        MemberSpec { rate: None, fixed: None, granularity: 1, most: u32::MAX, depth: 1, in_place: false }
    }
}

/// A run of units that a member is to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub id: ClaimId,
    /// Who computes it.
    pub member: MemberId,
    /// The units.
    pub units: Range<u32>,
    /// Whether another member computes the same units: then it must work on copies, and some of its results may not count.
    pub is_backup: bool,
}

/// What a member that asks for work is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Compute this.
    Claim(Claim),
    /// Nothing to do now. Ask again when any claim has landed or failed, and at the time given, if there is one.
    Wait(Option<Duration>),
    /// Every unit is committed.
    Finished,
}

/// What becomes of a claim that landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Copy these units' results to where they belong, then call [`Ledger::committed`]. Nobody else can commit them.
    Commit(Vec<Range<u32>>),
    /// The results stay in the member's own copy of the merged bindings until it is folded in.
    Hold,
    /// Others were first with all of it: forget the results.
    Discard,
}

/// Why a claim failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The member has no room for so many units.
    OutOfMemory,
    /// The member is gone, or does not answer.
    Lost,
    /// Something that may go well the next time.
    Passing,
}

/// What happens after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The member goes on, with claims of at most so many units.
    Smaller(u32),
    /// The member goes on.
    Retry,
    /// The member is given nothing any more; others do what is left.
    Out,
}

/// What a member has done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Units of its that count.
    pub units: u32,
    /// Claims that landed.
    pub claims: u32,
    /// Claims that were backups of others'.
    pub backups: u32,
    /// Time from a claim to its landing, overlapping times counted once.
    pub busy: Duration,
    /// Units per second, as estimated by now.
    pub rate: Option<f64>,
}

/// Failures in a row after which a member is given nothing any more.
const PATIENCE: u32 = 3;

/// A claim in flight.
#[derive(Clone, Debug)]
struct Flight {
    member: MemberId,
    units: Range<u32>,
    /// What it commits: nothing until it has landed.
    landed: Option<Vec<Range<u32>>>,
    claimed: Duration,
    /// When it is expected to land.
    due: Duration,
    is_backup: bool,
    may_be_backed_up: bool,
}

/// A member's side of the books.
#[derive(Clone, Debug)]
struct Member {
    spec: MemberSpec,
    most: u32,
    speed: Speed,
    flights: Vec<ClaimId>,
    last_landing: Duration,
    failures: u32,
    is_out: bool,
    share: Share,
}

/// Which units of a call are done, who works on which, and who gets which next. See the [module](super).
///
/// ```
/// use std::time::Duration;
/// use swath::schedule::{Answer, Landing, Ledger, MemberId, MemberSpec};
///
/// let mut ledger = Ledger::new(100, vec![MemberSpec::default(); 2]);
/// let mut now = Duration::ZERO;
/// while let Answer::Claim(claim) = ledger.claim(MemberId(0), now) {
///     now += Duration::from_millis(1); // compute claim.units
///     if let Landing::Commit(_) = ledger.landed(claim.id, now) {
///         ledger.committed(claim.id);
///     }
/// }
/// assert!(ledger.is_finished());
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    units: u32,
    /// Nobody works on these.
    free: Units,
    /// Landed; their results are being copied, or are held until they are folded in.
    locked: Units,
    /// Committed.
    done: Units,
    flights: BTreeMap<ClaimId, Flight>,
    members: Vec<Member>,
    crew: Crew,
    next: u64,
    /// Whether results are folded in together at a member's end.
    is_merging: bool,
    duplicated: u64,
}

impl Ledger {
    /// A ledger in which all `units` are free.
    pub fn new(units: u32, members: Vec<MemberSpec>) -> Ledger {
        let members: Vec<Member> = members
            .into_iter()
            .map(|spec| Member {
                most: spec.most.max(1),
                speed: Speed::new(spec.rate, spec.fixed),
                spec,
                flights: Vec::new(),
                last_landing: Duration::ZERO,
                failures: 0,
                is_out: false,
                share: Share::default(),
            })
            .collect();
        Ledger {
            units,
            free: Units::all(0..units),
            locked: Units::default(),
            done: Units::default(),
            flights: BTreeMap::new(),
            crew: Crew::new(members.len()),
            members,
            next: 0,
            is_merging: false,
            duplicated: 0,
        }
    }

    /// With other numbers of the policy.
    #[doc(hidden)]
    pub fn with_policy(mut self, policy: super::size::Policy) -> Ledger {
        self.crew.policy = policy;
        self
    }

    /// Has results held by their members until [`fold`](Ledger::fold), as merged bindings need it. Nothing is backed up then.
    pub fn merging(mut self) -> Ledger {
        self.is_merging = true;
        self
    }

    /// Counts units as committed that were so in an earlier run.
    ///
    /// # Errors
    ///
    /// The first range that is empty, beyond the end, or overlaps another: then nothing of the snapshot counts.
    pub fn resume(mut self, committed: &[Range<u32>]) -> Result<Ledger, Range<u32>> {
        let (mut free, mut done) = (self.free.clone(), self.done.clone());
        for range in committed {
            if range.is_empty() || range.end > self.units || free.within(range) != [range.clone()] {
                return Err(range.clone());
            }
            free.remove(range.clone());
            done.insert(range.clone());
        }
        (self.free, self.done) = (free, done);
        Ok(self)
    }

    /// The committed units: what [`resume`](Ledger::resume) takes.
    pub fn snapshot(&self) -> Vec<Range<u32>> {
        self.done.iter().collect()
    }

    /// Units in all.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Units that are committed.
    pub fn committed_units(&self) -> u32 {
        self.done.count()
    }

    /// Whether every unit is committed.
    pub fn is_finished(&self) -> bool {
        self.done.count() == self.units
    }

    /// Whether no member is left that could go on.
    pub fn is_stuck(&self) -> bool {
        !self.is_finished() && self.members.iter().all(|member| member.is_out)
    }

    /// Units that were computed and did not count.
    pub fn duplicated_units(&self) -> u64 {
        self.duplicated
    }

    /// What a member has done by now.
    pub fn share(&self, member: MemberId) -> Share {
        let member = &self.members[member.0 as usize];
        Share { rate: member.speed.rate(), ..member.share }
    }

    /// What the member is to do next, at the time `now`.
    ///
    /// A member may have several claims in flight ([`MemberSpec::depth`]); one that is full is told to wait.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn claim(&mut self, id: MemberId, now: Duration) -> Answer {
        if self.is_finished() {
            return Answer::Finished;
        }
        let member = &self.members[id.0 as usize];
        if member.is_out || member.flights.len() >= member.spec.depth.max(1) as usize {
            return Answer::Wait(None);
        }
        if self.free.is_empty() {
            return self.back_up(id, now);
        }
        match self.size(id, now) {
            Offer::Units(count) => match self.free.take(count) {
                Some(units) => Answer::Claim(self.open(id, units, now, false)),
                None => Answer::Wait(None),
            },
            Offer::Later(until) => Answer::Wait(until),
        }
    }

    /// How many units the member should have now.
    fn size(&mut self, id: MemberId, now: Duration) -> Offer {
        self.refresh(now);
        let member = &self.members[id.0 as usize];
        let others_at_work = self.flights.values().any(|flight| flight.member != id && flight.landed.is_none());
        let offer = self.crew.offer(&member.speed, id.0 as usize, self.free.count(), now, others_at_work);
        let Offer::Units(count) = offer else { return offer };
        let step = member.spec.granularity.max(1);
        let rounded = count.max(1).div_ceil(step).saturating_mul(step);
        let room = (member.most / step).max(1).saturating_mul(step).min(member.most);
        Offer::Units(rounded.min(room).max(1))
    }

    /// Puts members whose claims are overdue in the books anew, now and then, so that this costs little for each claim.
    fn refresh(&mut self, now: Duration) {
        if !self.crew.wants_refresh() {
            return;
        }
        for (at, member) in self.members.iter().enumerate() {
            if member.is_out {
                continue;
            }
            let late = member.flights.iter().filter_map(|id| self.flights.get(id)).filter(|flight| flight.due < now);
            // Who is late by some time may need as much again.
            let until = late.map(|flight| now + (now - flight.due)).max();
            if let Some(until) = until {
                self.crew.busy_until(at, until);
            }
        }
    }

    fn open(&mut self, id: MemberId, units: Range<u32>, now: Duration, is_backup: bool) -> Claim {
        let claim = ClaimId(self.next);
        self.next += 1;
        let member = &mut self.members[id.0 as usize];
        let begins = self.crew.free_at(id.0 as usize).max(now);
        let due = begins + member.speed.predict(units.end - units.start).unwrap_or(Duration::ZERO);
        self.crew.busy_until(id.0 as usize, due);
        member.flights.push(claim);
        let may_be_backed_up = !member.spec.in_place && !self.is_merging && !is_backup;
        let flight =
            Flight { member: id, units: units.clone(), landed: None, claimed: now, due, is_backup, may_be_backed_up };
        self.flights.insert(claim, flight);
        Claim { id: claim, member: id, units, is_backup }
    }

    /// A second execution of what another member is slow with, if the member would be faster.
    fn back_up(&mut self, id: MemberId, now: Duration) -> Answer {
        let member = &self.members[id.0 as usize];
        if member.spec.in_place || self.is_merging || !member.flights.is_empty() {
            return Answer::Wait(None);
        }
        let Some(least) = member.speed.predict(1).map(|time| time.mul_f64(BACKUP_MARGIN)) else {
            return Answer::Wait(None);
        };
        // The slowest few, the slowest first.
        let mut slow: Vec<(Duration, &Flight)> = Vec::with_capacity(CANDIDATES + 1);
        for flight in self.flights.values().filter(|flight| flight.landed.is_none() && flight.may_be_backed_up) {
            let left = self.expected_rest(flight, now);
            if left > least && (slow.len() < CANDIDATES || slow[CANDIDATES - 1].0 < left) {
                let at = slow.partition_point(|(other, _)| *other >= left);
                slow.insert(at, (left, flight));
                slow.truncate(CANDIDATES);
            }
        }
        let idle = self.members.iter().filter(|other| !other.is_out && other.flights.is_empty()).count() as u32;
        let piece = slow.into_iter().find_map(|(left, flight)| {
            let open = self.not_backed_up(flight)?;
            // Idle members share it; each takes the units at the end that nobody else has.
            let count = (open.end - open.start).div_ceil(idle.max(1)).min(member.most);
            let time = member.speed.predict(count)?.mul_f64(BACKUP_MARGIN);
            (time < left).then(|| open.end - count..open.end)
        });
        match piece {
            Some(units) => {
                self.members[id.0 as usize].share.backups += 1;
                Answer::Claim(self.open(id, units, now, true))
            }
            None => {
                // Who is late looks worth backing up once it is later than a unit takes.
                let due = self.flights.values().filter(|flight| flight.landed.is_none()).map(|flight| flight.due).min();
                Answer::Wait(due.map(|due| due.max(now) + least.max(now / 32)))
            }
        }
    }

    /// The last run of a claim's units that is neither settled nor being computed by somebody else too.
    fn not_backed_up(&self, flight: &Flight) -> Option<Range<u32>> {
        let mut open = Units::all(flight.units.clone());
        let backups = self.flights.values().filter(|other| other.is_backup && other.landed.is_none());
        let taken = backups.map(|other| other.units.clone());
        for range in taken.chain(self.locked.within(&flight.units)).chain(self.done.within(&flight.units)) {
            for part in open.within(&range) {
                open.remove(part);
            }
        }
        open.iter().last()
    }

    /// How long a claim may still take: what is left of its prediction, and of one that is late as long again as it is late.
    fn expected_rest(&self, flight: &Flight, now: Duration) -> Duration {
        if now <= flight.due { flight.due - now } else { (now - flight.due).max(Duration::from_nanos(1)) }
    }

    /// A claim's results are there: which of them count.
    ///
    /// # Panics
    ///
    /// If the claim is not in flight.
    pub fn landed(&mut self, id: ClaimId, now: Duration) -> Landing {
        let flight = self.flights.get(&id).expect("the claim is in flight").clone();
        let at = flight.member.0 as usize;
        let member = &mut self.members[at];
        let began = flight.claimed.max(member.last_landing);
        let took = now.saturating_sub(began);
        member.speed.observe(flight.units.end - flight.units.start, took);
        member.share.busy += took;
        member.share.claims += 1;
        member.last_landing = now;
        member.failures = 0;
        let mut open = Vec::new();
        for range in self.locked.missing_in(&flight.units) {
            open.extend(self.done.missing_in(&range));
        }
        let count: u32 = open.iter().map(|range| range.end - range.start).sum();
        member.share.units += count;
        self.duplicated += u64::from(flight.units.end - flight.units.start - count);
        self.settle_member(flight.member, id, now);
        if open.is_empty() {
            self.flights.remove(&id);
            return Landing::Discard;
        }
        for range in &open {
            self.locked.insert(range.clone());
        }
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.landed = Some(open.clone());
        }
        if self.is_merging { Landing::Hold } else { Landing::Commit(open) }
    }

    /// A claim is off the member's hands: what it still has in flight tells when it is free, and how fast it is goes
    /// into the books.
    fn settle_member(&mut self, member: MemberId, claim: ClaimId, now: Duration) {
        let at = member.0 as usize;
        self.members[at].flights.retain(|&id| id != claim);
        let member = &self.members[at];
        let mut free_at = now;
        for id in &member.flights {
            if let Some(flight) = self.flights.get_mut(id) {
                free_at += member.speed.predict(flight.units.end - flight.units.start).unwrap_or(Duration::ZERO);
                flight.due = free_at;
            }
        }
        if member.is_out {
            self.crew.leave(at);
        } else {
            self.crew.update(at, &member.speed, free_at);
        }
    }

    /// The claim's results are where they belong.
    ///
    /// # Panics
    ///
    /// If the claim has not landed.
    pub fn committed(&mut self, id: ClaimId) {
        let flight = self.flights.remove(&id).expect("the claim is in flight");
        for range in flight.landed.expect("the claim has landed") {
            self.locked.remove(range.clone());
            self.done.insert(range);
        }
    }

    /// The claims whose results the member holds in its copy of the merged bindings. Once they are folded into the
    /// caller's memory, each is [`committed`](Ledger::committed).
    pub fn fold(&self, member: MemberId) -> Vec<ClaimId> {
        let held = self.flights.iter().filter(|(_, flight)| flight.member == member && flight.landed.is_some());
        held.map(|(&id, _)| id).collect()
    }

    /// A claim failed, in flight or after it had landed: its units are free again, unless another member has them too.
    ///
    /// # Panics
    ///
    /// If the claim is not in flight.
    pub fn failed(&mut self, id: ClaimId, why: Failure, now: Duration) -> Remedy {
        let flight = self.flights.remove(&id).expect("the claim is in flight");
        self.release(&flight);
        let at = flight.member.0 as usize;
        let member = &mut self.members[at];
        member.failures += 1;
        let count = flight.units.end - flight.units.start;
        let remedy = match why {
            Failure::OutOfMemory if count > 1 => Remedy::Smaller(count.div_ceil(2)),
            Failure::Passing if member.failures < PATIENCE => Remedy::Retry,
            _ => Remedy::Out,
        };
        match remedy {
            Remedy::Smaller(most) => member.most = member.most.min(most),
            Remedy::Out => member.is_out = true,
            Remedy::Retry => {}
        }
        self.settle_member(flight.member, id, now);
        if remedy == Remedy::Out {
            self.lose(flight.member, now);
        }
        remedy
    }

    /// A member is gone: all its claims that are not committed are free again, and it is given nothing any more.
    pub fn lose(&mut self, id: MemberId, now: Duration) {
        self.members[id.0 as usize].is_out = true;
        let claims: Vec<ClaimId> =
            self.flights.iter().filter(|(_, flight)| flight.member == id).map(|(&id, _)| id).collect();
        for claim in claims {
            if let Some(flight) = self.flights.remove(&claim) {
                self.release(&flight);
                self.settle_member(id, claim, now);
            }
        }
        self.crew.leave(id.0 as usize);
    }

    /// Frees the units of a claim that is no longer in flight, as far as they are not settled and nobody else has them.
    fn release(&mut self, flight: &Flight) {
        let member = &mut self.members[flight.member.0 as usize];
        for range in flight.landed.iter().flatten() {
            member.share.units -= range.end - range.start;
            self.locked.remove(range.clone());
        }
        let mut open = Units::all(flight.units.clone());
        let others = self.flights.values().filter(|other| other.landed.is_none()).map(|other| other.units.clone());
        let settled = self.locked.within(&flight.units).into_iter().chain(self.done.within(&flight.units));
        for range in settled.chain(others).collect::<Vec<_>>() {
            for part in open.within(&range) {
                open.remove(part);
            }
        }
        for range in open.iter() {
            self.free.insert(range);
        }
    }

    /// Whether every unit is in exactly one state, and no claim is lost from the books. For tests.
    #[doc(hidden)]
    pub fn is_consistent(&self) -> bool {
        let mut seen = Units::default();
        let mut twice = false;
        let settled = self.free.iter().chain(self.locked.iter()).chain(self.done.iter());
        for range in settled {
            twice |= !seen.within(&range).is_empty();
            if !twice {
                seen.insert(range);
            }
        }
        for flight in self.flights.values().filter(|flight| flight.landed.is_none()) {
            twice |= !self.free.within(&flight.units).is_empty();
            for gap in seen.missing_in(&flight.units) {
                seen.insert(gap);
            }
        }
        let landed: u32 = self
            .flights
            .values()
            .flat_map(|flight| flight.landed.iter().flatten())
            .map(|range| range.end - range.start)
            .sum();
        !twice && seen.count() == self.units && landed == self.locked.count()
    }
}

/// A backup starts if it would be done in so much less time than what it backs up.
const BACKUP_MARGIN: f64 = 1.25;

/// How many of the slowest claims are looked at for a backup.
const CANDIDATES: usize = 4;
