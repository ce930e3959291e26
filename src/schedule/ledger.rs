//! The ledger: which units are free, claimed, landed and committed.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use super::{
    claim::{Answer, Claim, ClaimId, Failure, Flight, Flying, Landing, MemberId, Remedy, Stage},
    event::{Event, What},
    member::{Member, MemberSpec, Share},
    policy::{Crew, Offer, Policy, Straggler},
    unit_set::UnitSet,
};

/// Failures in a row after which a member is given nothing any more.
const PATIENCE: u32 = 3;

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
    pub(super) free: UnitSet,
    /// Landed, or committed.
    pub(super) settled: UnitSet,
    /// How many of these are committed.
    done: u32,
    pub(super) flights: BTreeMap<ClaimId, Flight>,
    /// Those that are backups and have not landed, and whether there ever was one.
    pub(super) backups: Vec<Flying>,
    pub(super) has_backups: bool,
    pub(super) members: Vec<Member>,
    pub(super) crew: Crew,
    /// What others would do sooner, the last to land first, as of when all members were last looked at.
    pub(super) stragglers: Vec<Straggler<ClaimId>>,
    /// Questions since all members were last looked at.
    pub(super) asked: usize,
    /// Members whose claims have landed, and how many these were when all were last looked at.
    pub(super) known: u32,
    pub(super) known_then: f64,
    /// Members that are not out.
    pub(super) present: u32,
    /// Units that are kept for listed members which have had no claim yet.
    kept: u32,
    next: u64,
    /// Whether results are folded in together at a member's end.
    pub(super) is_merging: bool,
    is_cancelled: bool,
    /// The latest time that the ledger was told, in seconds.
    now: f64,
    /// What happened since somebody asked, if anybody does.
    events: Option<Vec<Event>>,
}

impl Ledger {
    /// A ledger in which all `units` are free.
    pub fn new(units: u32, members: Vec<MemberSpec>) -> Ledger {
        let mut ledger = Ledger {
            units,
            free: UnitSet::all(0..units),
            settled: UnitSet::default(),
            done: 0,
            flights: BTreeMap::new(),
            backups: Vec::new(),
            has_backups: false,
            members: Vec::with_capacity(members.len()),
            crew: Crew::new(Policy::default()),
            stragglers: Vec::new(),
            asked: 0,
            known: 0,
            known_then: 0.0,
            present: 0,
            kept: 0,
            next: 0,
            is_merging: false,
            is_cancelled: false,
            now: 0.0,
            events: None,
        };
        for spec in members {
            ledger.join(spec, Duration::ZERO);
        }
        ledger
    }

    /// With other numbers of the policy.
    pub fn with_policy(mut self, policy: Policy) -> Ledger {
        self.crew.policy = policy;
        self
    }

    /// Has results held by their members until [`fold`](Ledger::fold), as merged bindings need it. Nothing is backed up then.
    pub fn merging(mut self) -> Ledger {
        self.is_merging = true;
        self
    }

    /// Keeps what happens for [`take_events`](Ledger::take_events).
    pub fn watched(mut self) -> Ledger {
        let joined = |at: u32| Event { at: Duration::ZERO, member: MemberId(at), what: What::Joined };
        self.events = Some((0..self.members.len() as u32).map(joined).collect());
        self
    }

    /// Counts units as committed that were so in an earlier run.
    ///
    /// # Errors
    ///
    /// The first range that is empty, beyond the end, or overlaps another: then nothing of the snapshot counts.
    pub fn resume(mut self, committed: &[Range<u32>]) -> Result<Ledger, Range<u32>> {
        for range in committed {
            if range.is_empty() || range.end > self.units || self.free.within(range) != [range.clone()] {
                return Err(range.clone());
            }
            self.free.remove(range.clone());
            self.settled.insert(range.clone());
            self.done += range.end - range.start;
        }
        Ok(self)
    }

    /// The committed units: what [`resume`](Ledger::resume) takes.
    pub fn snapshot(&self) -> Vec<Range<u32>> {
        let mut committed = self.settled.clone();
        for range in self.flights.values().filter(|flight| !flight.is_flying()).flat_map(Flight::counted) {
            committed.remove(range);
        }
        committed.iter().collect()
    }

    /// One more member, from now on.
    pub fn join(&mut self, spec: MemberSpec, now: Duration) -> MemberId {
        let now = self.at(now);
        let id = MemberId(self.members.len() as u32);
        self.kept += kept_for(&spec);
        let member = Member::new(spec, now);
        self.crew.join();
        self.crew.set(id.0 as usize, member.speed.rate().unwrap_or(0.0), now + member.before_a_claim());
        self.members.push(member);
        self.present += 1;
        self.asked = usize::MAX;
        self.note(id, || What::Joined);
        id
    }

    /// Units in all.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Units that are committed.
    pub fn committed_units(&self) -> u32 {
        self.done
    }

    /// Whether every unit is committed.
    pub fn is_finished(&self) -> bool {
        self.done == self.units
    }

    /// Whether units are left and no member that could go on: time for [`join`](Ledger::join).
    pub fn is_stuck(&self) -> bool {
        !self.is_finished() && !self.is_cancelled && self.present == 0
    }

    /// What a member has done by `now`.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn share(&self, member: MemberId, now: Duration) -> Share {
        self.members[member.0 as usize].share(now.as_secs_f64())
    }

    /// What happened since this was last asked, in order. Nothing where the ledger is not [`watched`](Ledger::watched).
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, member: MemberId, what: impl FnOnce() -> What) {
        if let Some(events) = &mut self.events {
            let at = Duration::try_from_secs_f64(self.now).unwrap_or_default();
            events.push(Event { at, member, what: what() });
        }
    }

    /// The time in seconds; it never runs backwards, whichever thread comes first.
    fn at(&mut self, now: Duration) -> f64 {
        self.now = self.now.max(now.as_secs_f64());
        self.now
    }

    /// What the member is to do next, at the time `now`.
    ///
    /// A member may have several claims in flight ([`MemberSpec::depth`]); one that is full is told to wait.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn claim(&mut self, id: MemberId, now: Duration) -> Answer {
        let now = self.at(now);
        if self.is_finished() {
            return Answer::Finished;
        }
        let member = &self.members[id.0 as usize];
        if member.is_out() || self.is_cancelled {
            return Answer::Dismissed;
        }
        if member.flights.len() >= member.depth() {
            return Answer::Wait(None);
        }
        self.refresh(now);
        let member = &self.members[id.0 as usize];
        let own = if member.has_claimed { 0 } else { kept_for(&member.spec) };
        // Where fewer are left than are kept, each may have its own: or all would wait for each other.
        let left = self.free.count();
        let free = left.saturating_sub(self.kept - own).max(own.min(left));
        if free > 0 {
            return match self.size(id, free, now) {
                Offer::Units(count) => match self.free.take(count) {
                    Some(units) => Answer::Claim(self.open(id, units, now, false)),
                    None => Answer::Wait(None),
                },
                Offer::Later(until) => self.wait(id, Some(until)),
            };
        }
        let is_idle = member.flights.is_empty();
        if self.is_merging && is_idle && self.free.is_empty() && self.holds(id) {
            return Answer::Fold;
        }
        match self.back_up(id, now) {
            Ok(units) => {
                self.members[id.0 as usize].share.backups += 1;
                Answer::Claim(self.open(id, units, now, true))
            }
            Err(until) => self.wait(id, until),
        }
    }

    fn wait(&mut self, id: MemberId, until: Option<f64>) -> Answer {
        if let Some(until) = until {
            self.members[id.0 as usize].asks_at = until;
        }
        Answer::Wait(until.and_then(duration))
    }

    /// How many of the `free` units the member should have now.
    fn size(&self, id: MemberId, free: u32, now: f64) -> Offer {
        let at = id.0 as usize;
        let member = &self.members[at];
        let is_first = !member.has_claimed;
        let count = if self.present == 1 {
            // Nobody to share with: as few claims as its memory allows, and those alike.
            free.div_ceil(free.div_ceil(member.most))
        } else if member.speed.rate().is_none() {
            self.crew.probe(self.units, self.present)
        } else {
            let ready = member.begins(now) + member.speed.fixed();
            let slots = (member.depth() - member.flights.len()) as u32;
            match self.crew.offer(at, &member.speed, free, slots, ready, now) {
                Offer::Units(count) => count,
                // Who was asked for by name gets a claim.
                Offer::Later(_) if is_first && member.spec.is_listed => 1,
                // Where nobody is at work, to wait for somebody better could be mutual.
                Offer::Later(_) if self.members.iter().all(|member| member.flights.is_empty()) => 1,
                later => return later,
            }
        };
        Offer::Units(member.rounded(count).min(free).max(1))
    }

    fn open(&mut self, id: MemberId, units: Range<u32>, now: f64, is_backup: bool) -> Claim {
        let claim = ClaimId(self.next);
        self.next += 1;
        let at = id.0 as usize;
        self.flights.insert(claim, Flight { member: id, units: units.clone(), stage: Stage::Flying });
        let member = &mut self.members[at];
        let due = member.due(units.end - units.start, member.begins(now), now);
        let flying = Flying { claim, units: units.clone(), claimed: now, due: due.unwrap_or(now), is_backup };
        if is_backup {
            self.backups.push(flying.clone());
            self.has_backups = true;
        }
        member.flights.push(flying);
        if !member.has_claimed {
            member.has_claimed = true;
            self.kept -= kept_for(&member.spec);
        }
        self.appraise(at, now);
        self.note(id, || What::Claimed { claim, units: units.clone(), is_backup });
        Claim { id: claim, member: id, units, is_backup, due: due.and_then(duration) }
    }

    /// A claim's results are there: which of them count.
    pub fn landed(&mut self, id: ClaimId, now: Duration) -> Landing {
        let now = self.at(now);
        let Some(flight) = self.flights.get(&id).filter(|flight| flight.is_flying()) else { return Landing::Discard };
        let (member, units) = (flight.member, flight.units.clone());
        self.observe(member, id, now);
        let open = self.unsettled(&units);
        let count: u32 = open.iter().map(|range| range.end - range.start).sum();
        let books = &mut self.members[member.0 as usize];
        books.units += count;
        books.share.discarded += units.end - units.start - count;
        if open.is_empty() {
            self.flights.remove(&id);
            self.note(member, || What::Discarded { claim: id });
            return Landing::Discard;
        }
        for range in &open {
            self.settled.insert(range.clone());
        }
        let is_held = self.is_merging;
        self.note(member, || What::Landed { claim: id, units: open.clone(), is_held });
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.stage = if is_held { Stage::Held } else { Stage::Landed(open.clone()) };
        }
        if is_held { Landing::Hold } else { Landing::Commit(open) }
    }

    /// Which of a claim's units have not landed elsewhere.
    pub(super) fn unsettled(&self, units: &Range<u32>) -> Vec<Range<u32>> {
        if !self.has_backups {
            return vec![units.clone()];
        }
        self.settled.missing_in(units)
    }

    /// Takes a claim that landed off its member's hands, and learns from it.
    fn observe(&mut self, member: MemberId, id: ClaimId, now: f64) {
        let at = member.0 as usize;
        let books = &mut self.members[at];
        let Some(flying) = books.flights.iter().find(|flying| flying.claim == id) else { return };
        let (count, since_claimed) = (flying.count(), now - flying.claimed);
        let since_landing = now - books.last_landing;
        let is_deep = books.depth() > 1;
        let is_cold = is_deep && since_claimed <= since_landing;
        let took = since_claimed.min(since_landing).max(0.0);
        books.speed.saw_way(count, since_claimed);
        books.speed.observe(count, took, is_cold, is_deep && !is_cold);
        books.busy += took;
        self.known += u32::from(books.share.claims == 0);
        books.share.claims += 1;
        (books.last_landing, books.asks_at) = (now, now);
        books.failures = 0;
        self.off_hands(member, id, now);
    }

    /// A claim is off its member's hands: what it still has in flight is expected anew.
    pub(super) fn off_hands(&mut self, member: MemberId, claim: ClaimId, now: f64) {
        let at = member.0 as usize;
        let Member { flights, speed, .. } = &mut self.members[at];
        flights.retain(|flying| flying.claim != claim);
        self.backups.retain(|flying| flying.claim != claim);
        let mut due = now;
        for flying in flights {
            if let Some(span) = speed.predict(flying.count()) {
                due = (due + span).max(flying.claimed + f64::from(flying.count()) * speed.way());
                flying.due = due;
            }
        }
        self.appraise(at, now);
    }

    /// The claim's results are where they belong. Whether the ledger knew of them: if not, they do not count.
    pub fn committed(&mut self, id: ClaimId) -> bool {
        let Some(flight) = self.flights.get_mut(&id) else { return false };
        let Stage::Landed(units) = &mut flight.stage else { return false };
        let (units, member) = (std::mem::take(units), flight.member);
        self.settle(id, member, units);
        true
    }

    fn settle(&mut self, id: ClaimId, member: MemberId, units: Vec<Range<u32>>) {
        self.flights.remove(&id);
        self.done += units.iter().map(|range| range.end - range.start).sum::<u32>();
        self.note(member, || What::Committed { claim: id, units });
    }

    fn claims_of(&self, member: MemberId, is_meant: impl Fn(&Stage) -> bool) -> Vec<ClaimId> {
        let theirs = self.flights.iter().filter(|(_, flight)| flight.member == member && is_meant(&flight.stage));
        theirs.map(|(&id, _)| id).collect()
    }

    /// Whether the member holds results in its copy of the merged bindings that are not folded in.
    pub fn holds(&self, member: MemberId) -> bool {
        self.flights.values().any(|flight| flight.member == member && flight.stage == Stage::Held)
    }

    /// The units whose results the member holds in its copy of the merged bindings. Once that is folded into the caller's
    /// memory, and is the operation's identity again, call [`folded`](Ledger::folded): then all of them are committed at
    /// once. If the copy cannot be had, and nothing of it was folded in, call [`fold_failed`](Ledger::fold_failed).
    pub fn fold(&mut self, member: MemberId) -> Vec<Range<u32>> {
        for id in self.claims_of(member, |stage| *stage == Stage::Held) {
            if let Some(flight) = self.flights.get_mut(&id) {
                flight.stage = Stage::Folding;
            }
        }
        let mut units = UnitSet::default();
        for id in self.claims_of(member, |stage| *stage == Stage::Folding) {
            self.flights.get(&id).into_iter().for_each(|flight| units.insert(flight.units.clone()));
        }
        units.iter().collect()
    }

    /// What [`fold`](Ledger::fold) named is in the caller's memory.
    pub fn folded(&mut self, member: MemberId) {
        for id in self.claims_of(member, |stage| *stage == Stage::Folding) {
            let units = self.flights.get(&id).map(|flight| vec![flight.units.clone()]).unwrap_or_default();
            self.settle(id, member, units);
        }
    }

    /// What [`fold`](Ledger::fold) named never came: its units are free again.
    pub fn fold_failed(&mut self, member: MemberId) {
        for id in self.claims_of(member, |stage| *stage == Stage::Folding) {
            self.take_back(id, self.now);
        }
    }

    /// A claim failed, in flight or while its results were copied: its units are free again, unless another member has them
    /// too. A claim that is not in the books changes nothing.
    ///
    /// Where results are merged, nobody knows what of a claim that failed is in its member's copy: so whatever the member has
    /// in flight or holds is taken back, and the caller waits for what is in flight and starts the copy anew.
    pub fn failed(&mut self, id: ClaimId, why: Failure, now: Duration) -> Remedy {
        let now = self.at(now);
        let is_known = |flight: &&Flight| matches!(flight.stage, Stage::Flying | Stage::Landed(_));
        let Some(flight) = self.flights.get(&id).filter(is_known).cloned() else { return Remedy::Retry };
        self.flights.remove(&id);
        self.release(&flight);
        self.off_hands(flight.member, id, now);
        let member = &mut self.members[flight.member.0 as usize];
        member.failures += 1;
        let remedy = match why {
            Failure::OutOfMemory if flight.count() > 1 => Remedy::Smaller(flight.count().div_ceil(2).min(member.most)),
            Failure::Passing if member.failures < PATIENCE => Remedy::Retry,
            _ => Remedy::Out,
        };
        if let Remedy::Smaller(most) = remedy {
            member.most = most;
        }
        self.note(flight.member, || What::Failed { claim: id, why, remedy });
        if remedy == Remedy::Out {
            self.dismiss(flight.member, now);
        } else if self.is_merging {
            for claim in self.claims_of(flight.member, Stage::can_be_taken_back) {
                self.take_back(claim, now);
            }
        }
        remedy
    }

    /// Something failed that was no claim's: to make the member ready, or to fold its copy in. What it has in flight or holds
    /// is taken back.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn troubled(&mut self, id: MemberId, why: Failure, now: Duration) -> Remedy {
        let at = self.at(now);
        self.close(id, now);
        let member = &mut self.members[id.0 as usize];
        member.troubles += 1;
        let goes_on = why == Failure::Passing && member.troubles < PATIENCE && !member.is_out();
        if goes_on {
            return Remedy::Retry;
        }
        self.dismiss(id, at);
        Remedy::Out
    }

    /// The member begins anew: whatever it has in flight or holds is taken back, and it may claim again.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn close(&mut self, id: MemberId, now: Duration) {
        let now = self.at(now);
        for claim in self.claims_of(id, |stage| stage.can_be_taken_back() || *stage == Stage::Folding) {
            self.take_back(claim, now);
        }
    }

    /// Whether the member is given anything more.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn is_out(&self, member: MemberId) -> bool {
        self.members[member.0 as usize].is_out()
    }

    /// The member has room for no more than so many units in a claim, and so many claims in flight, from its next one on: where
    /// that shows once it is made ready.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn limit(&mut self, member: MemberId, most: u32, depth: u32) {
        let member = &mut self.members[member.0 as usize];
        member.most = member.most.min(most.max(1));
        member.spec.depth = depth;
    }

    /// A member is gone. Its units are free again, unless another member has them too; what it holds in its copy of the merged
    /// bindings counts as never done. What has landed or is being folded in is on the host already: it is still to be
    /// committed, or fails.
    ///
    /// # Panics
    ///
    /// If the ledger has no such member.
    pub fn lose(&mut self, member: MemberId, now: Duration) {
        let now = self.at(now);
        self.dismiss(member, now);
    }

    fn dismiss(&mut self, id: MemberId, now: f64) {
        let member = &mut self.members[id.0 as usize];
        if member.is_out() {
            return;
        }
        member.left = Some(now);
        self.present -= 1;
        if !member.has_claimed {
            self.kept -= kept_for(&member.spec);
        }
        for claim in self.claims_of(id, Stage::can_be_taken_back) {
            self.take_back(claim, now);
        }
        self.crew.set(id.0 as usize, 0.0, 0.0);
        self.asked = usize::MAX;
        self.note(id, || What::Left);
    }

    /// Nothing more is to be done: claims in flight and results that are held are taken back. What has landed is still to be
    /// committed, or fails.
    pub fn cancel(&mut self, now: Duration) {
        let now = self.at(now);
        self.is_cancelled = true;
        let all = self.flights.iter().filter(|(_, flight)| flight.stage.can_be_taken_back());
        for claim in all.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.take_back(claim, now);
        }
    }

    fn take_back(&mut self, id: ClaimId, now: f64) {
        if let Some(flight) = self.flights.remove(&id) {
            self.release(&flight);
            self.off_hands(flight.member, id, now);
            self.note(flight.member, || What::Released { claim: id });
        }
    }

    /// Frees the units of a claim that is out of the books, as far as they are neither settled nor in another claim.
    fn release(&mut self, flight: &Flight) {
        let mut open = UnitSet::default();
        if flight.is_flying() {
            self.settled.missing_in(&flight.units).into_iter().for_each(|range| open.insert(range));
        } else {
            // Its other units are no longer its own.
            flight.counted().into_iter().for_each(|range| open.insert(range));
            open.iter().for_each(|range| self.settled.remove(range));
            self.members[flight.member.0 as usize].units -= open.count();
        }
        for other in self.flights.values().filter(|other| other.is_flying()) {
            open.clear(&other.units);
        }
        for range in open.iter() {
            self.free.insert(range);
        }
    }
}

/// Units that are kept for such a member until it has had a claim.
fn kept_for(spec: &MemberSpec) -> u32 {
    if spec.is_listed { spec.granularity.max(1) } else { 0 }
}

pub(super) fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}
