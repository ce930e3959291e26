//! Any interleaving of claims, landings, failures, duplicates, lost members and cancellations commits every unit exactly once.

use std::{ops::Range, time::Duration};

use super::{simulate::Dice, *};

/// A claim that somebody has in hand.
struct Open {
    claim: Claim,
    /// What it is to commit, once it has landed.
    landed: Option<Vec<Range<u32>>>,
    /// Whether it is in a copy that is being folded in.
    is_folding: bool,
}

/// A ledger, and what its callers know by themselves.
struct History {
    ledger: Ledger,
    open: Vec<Open>,
    /// Claims that are over, one way or another.
    settled: Vec<ClaimId>,
    /// How often each unit was committed.
    commits: Vec<u8>,
    specs: Vec<MemberSpec>,
    /// Members that were not lost, nor given up.
    present: Vec<bool>,
    has_claimed: Vec<bool>,
    is_merging: bool,
    now: Duration,
}

impl History {
    fn new(units: u32, specs: Vec<MemberSpec>, is_merging: bool) -> History {
        let ledger = Ledger::new(units, specs.clone()).watched();
        History {
            ledger: if is_merging { ledger.merging() } else { ledger },
            open: Vec::new(),
            settled: Vec::new(),
            commits: vec![0; units as usize],
            present: vec![true; specs.len()],
            has_claimed: vec![false; specs.len()],
            specs,
            is_merging,
            now: Duration::ZERO,
        }
    }

    fn join(&mut self, spec: MemberSpec) {
        let id = self.ledger.join(spec.clone(), self.now);
        assert_eq!(id.0 as usize, self.specs.len());
        self.specs.push(spec);
        self.present.push(true);
        self.has_claimed.push(false);
    }

    fn claim(&mut self, member: MemberId) -> Answer {
        let at = member.0 as usize;
        let answer = self.ledger.claim(member, self.now);
        let Answer::Claim(claim) = &answer else { return answer };
        let spec = &self.specs[at];
        assert!(self.present[at], "a member that is out claims");
        assert_eq!(claim.member, member);
        assert!(!claim.units.is_empty() && claim.units.end <= self.commits.len() as u32);
        assert!(claim.units.len() as u32 <= spec.most, "{claim:?} is more than {spec:?} has room for");
        assert!(!claim.is_backup || !self.is_merging && !spec.in_place, "{claim:?} is a backup, of {spec:?}");
        assert!(!self.settled.contains(&claim.id) && self.open.iter().all(|open| open.claim.id != claim.id));
        let flying = self.open.iter().filter(|open| open.claim.member == member && open.landed.is_none());
        assert!(flying.count() < spec.depth as usize, "more claims in flight than {spec:?} can have");
        for other in &self.open {
            if other.landed.iter().flatten().any(|range| overlap(range, &claim.units)) {
                panic!("{claim:?} has units that {:?} is to commit", other.claim);
            }
            if other.landed.is_none() && overlap(&other.claim.units, &claim.units) {
                assert!(claim.is_backup, "{claim:?} has units of {:?}, and is no backup", other.claim);
                let in_place = self.specs[other.claim.member.0 as usize].in_place;
                assert!(!in_place, "{:?} works in place, and is backed up", other.claim);
            }
        }
        self.has_claimed[at] = true;
        self.open.push(Open { claim: claim.clone(), landed: None, is_folding: false });
        answer
    }

    fn land(&mut self, at: usize) {
        let id = self.open[at].claim.id;
        match self.ledger.landed(id, self.now) {
            Landing::Commit(ranges) => {
                assert!(!self.is_merging && !ranges.is_empty());
                self.open[at].landed = Some(ranges);
            }
            Landing::Hold => {
                assert!(self.is_merging);
                self.open[at].landed = Some(vec![self.open[at].claim.units.clone()]);
            }
            Landing::Discard => self.settle(at),
        }
    }

    fn settle(&mut self, at: usize) {
        self.settled.push(self.open.swap_remove(at).claim.id);
    }

    fn count(&mut self, ranges: &[Range<u32>]) {
        for unit in ranges.iter().cloned().flatten() {
            self.commits[unit as usize] += 1;
        }
    }

    fn commit(&mut self, at: usize) {
        let ranges = self.open[at].landed.clone().expect("it has landed");
        assert!(self.ledger.committed(self.open[at].claim.id));
        self.count(&ranges);
        self.settle(at);
    }

    fn begin_fold(&mut self, member: MemberId) {
        let ranges = self.ledger.fold(member);
        let theirs = self.open.iter_mut().filter(|open| open.claim.member == member && open.landed.is_some());
        let folding = theirs.map(|open| {
            open.is_folding = true;
            open.claim.units.len()
        });
        assert_eq!(folding.sum::<usize>(), ranges.iter().map(Range::len).sum::<usize>());
    }

    fn end_fold(&mut self, member: MemberId, is_done: bool) {
        if is_done {
            self.ledger.folded(member);
        } else {
            self.ledger.fold_failed(member);
        }
        for at in (0..self.open.len()).rev() {
            if self.open[at].claim.member == member && self.open[at].is_folding {
                if is_done {
                    let units = self.open[at].claim.units.clone();
                    self.count(&[units]);
                }
                self.settle(at);
            }
        }
    }

    /// The member's claims are taken back, save what is on its way to where it belongs.
    fn are_taken_back(&mut self, member: MemberId) {
        for at in (0..self.open.len()).rev() {
            let open = &self.open[at];
            let is_on_its_way = if self.is_merging { open.is_folding } else { open.landed.is_some() };
            if open.claim.member == member && !is_on_its_way {
                self.settle(at);
            }
        }
    }

    fn is_gone(&mut self, member: MemberId) {
        self.present[member.0 as usize] = false;
        self.are_taken_back(member);
    }

    /// The member begins anew: what it has in flight, holds, or was folding in never came.
    fn is_closed(&mut self, member: MemberId) {
        for at in (0..self.open.len()).rev() {
            let open = &self.open[at];
            if open.claim.member == member && (self.is_merging || open.landed.is_none()) {
                self.settle(at);
            }
        }
    }

    fn trouble(&mut self, member: MemberId, why: Failure) {
        let remedy = self.ledger.troubled(member, why, self.now);
        self.is_closed(member);
        if remedy == Remedy::Out {
            self.present[member.0 as usize] = false;
        }
    }

    fn lose(&mut self, member: MemberId) {
        self.ledger.lose(member, self.now);
        self.is_gone(member);
    }

    fn fail(&mut self, at: usize, why: Failure) {
        let (id, member) = (self.open[at].claim.id, self.open[at].claim.member);
        let count = self.open[at].claim.units.len() as u32;
        self.settle(at);
        match self.ledger.failed(id, why, self.now) {
            Remedy::Out => self.is_gone(member),
            Remedy::Smaller(most) => {
                assert!(most < count && most > 0);
                let room = &mut self.specs[member.0 as usize].most;
                *room = most.min(*room);
            }
            Remedy::Retry => assert_eq!(why, Failure::Passing),
        }
        if self.is_merging {
            self.are_taken_back(member);
        }
    }

    /// A message that comes twice changes nothing.
    fn say_again(&mut self, at: usize) {
        let before = (self.ledger.snapshot(), self.ledger.free.clone());
        let id = self.settled[at];
        assert_eq!(self.ledger.landed(id, self.now), Landing::Discard);
        assert!(!self.ledger.committed(id));
        self.ledger.failed(id, Failure::Lost, self.now);
        assert_eq!((self.ledger.snapshot(), self.ledger.free.clone()), before);
    }

    /// The ledger's books against each other and against what is known here.
    fn check(&self) {
        let ledger = &self.ledger;
        let mut state = vec![0; self.commits.len()];
        for (set, name) in [(&ledger.free, 1), (&ledger.settled, 2)] {
            for unit in set.iter().flatten() {
                assert_eq!(state[unit as usize], 0, "unit {unit} is in two sets");
                state[unit as usize] = name;
            }
        }
        for unit in ledger.snapshot().into_iter().flatten() {
            assert_eq!(state[unit as usize], 2, "unit {unit} is committed, and not settled");
            state[unit as usize] = 3;
        }
        let mut flying = vec![false; self.commits.len()];
        for open in self.open.iter().filter(|open| open.landed.is_none()) {
            open.claim.units.clone().for_each(|unit| flying[unit as usize] = true);
        }
        for (unit, (&state, &is_flying)) in state.iter().zip(&flying).enumerate() {
            assert!(
                if is_flying { state != 1 } else { state != 0 },
                "unit {unit}: state {state}, in flight: {is_flying}"
            );
            assert_eq!(self.commits[unit], u8::from(state == 3), "unit {unit}");
        }
        assert_eq!(ledger.flights.len(), self.open.len());
        assert_eq!(ledger.committed_units() as usize, self.commits.iter().filter(|&&count| count > 0).count());
        let counted: u32 = (0..self.specs.len() as u32).map(|at| ledger.share(MemberId(at), self.now).units).sum();
        assert_eq!(counted, ledger.settled.count(), "the members' units are all that landed");
    }

    /// The member ends the call alone.
    fn finish(&mut self, last: MemberId) {
        while !self.ledger.is_finished() {
            self.now += Duration::from_micros(100);
            let answer = self.claim(last);
            if self.open.is_empty() {
                assert!(matches!(answer, Answer::Claim(_)), "nobody is at work, and the answer is {answer:?}");
            }
            for at in (0..self.open.len()).rev() {
                if self.open[at].landed.is_none() {
                    self.land(at);
                }
            }
            if self.is_merging {
                self.begin_fold(last);
                self.end_fold(last, true);
            } else {
                (0..self.open.len()).rev().for_each(|at| self.commit(at));
            }
            self.check();
        }
        assert!(self.commits.iter().all(|&count| count == 1), "{:?}", self.commits);
        assert_eq!(self.claim(last), Answer::Finished);
    }

    /// What was told of it is what happened.
    fn check_events(&mut self) {
        let events = self.ledger.take_events();
        assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let mut commits = vec![0; self.commits.len()];
        let mut open = 0;
        for event in &events {
            match &event.what {
                What::Claimed { .. } => open += 1,
                What::Discarded { .. } | What::Failed { .. } | What::Released { .. } => open -= 1,
                What::Committed { units, .. } => {
                    open -= 1;
                    units.iter().cloned().flatten().for_each(|unit| commits[unit as usize] += 1);
                }
                What::Joined | What::Landed { .. } | What::Left => {}
            }
        }
        assert_eq!(open, 0, "each claim that was made has an end");
        assert_eq!(commits, self.commits);
        let count = |what: fn(&What) -> bool| events.iter().filter(|event| what(&event.what)).count();
        assert_eq!(count(|what| *what == What::Joined), self.specs.len());
        assert_eq!(count(|what| *what == What::Left), self.present.iter().filter(|&&is_in| !is_in).count());
    }
}

fn overlap(a: &Range<u32>, b: &Range<u32>) -> bool {
    a.start < b.end && b.start < a.end
}

fn some_spec(dice: &mut Dice) -> MemberSpec {
    MemberSpec {
        rate: dice.chance(0.3).then(|| dice.log_between(1.0, 1e6)),
        fixed: dice.chance(0.2).then(|| Duration::from_secs_f64(dice.log_between(1e-6, 1e-2))),
        granularity: [1, 1, 4, 7][dice.below(4) as usize],
        most: [u32::MAX, 50, 3, 1][dice.below(4) as usize],
        depth: 1 + dice.below(3),
        in_place: dice.chance(0.3),
        is_listed: dice.chance(0.3),
    }
}

/// A random history, from which the last member comes out to end it alone, unless it is cancelled.
fn run(seed: u64) {
    let mut dice = Dice::new(seed);
    let units = dice.log_between(1.0, 3000.0) as u32;
    let members = 1 + dice.below(6);
    let specs = (0..members).map(|_| some_spec(&mut dice)).collect();
    let mut history = History::new(units, specs, seed.is_multiple_of(4));
    let last = MemberId(members - 1);
    for _ in 0..100 + dice.below(400) {
        history.now += Duration::from_micros(u64::from(dice.below(2000)));
        step(&mut history, &mut dice, last);
        history.check();
    }
    if dice.chance(0.1) {
        history.ledger.cancel(history.now);
        for at in (0..history.open.len()).rev() {
            match history.open[at].landed {
                Some(_) if !history.is_merging => history.commit(at),
                _ if !history.open[at].is_folding => history.settle(at),
                _ => {}
            }
        }
        (0..history.specs.len() as u32).for_each(|member| history.end_fold(MemberId(member), true));
        history.check();
        if !history.ledger.is_finished() {
            assert_eq!(history.claim(last), Answer::Dismissed);
        }
    } else {
        for member in (0..history.specs.len() as u32).map(MemberId).filter(|member| *member != last) {
            history.lose(member);
            history.end_fold(member, dice.chance(0.5));
        }
        history.finish(last);
    }
    history.check_events();
}

fn step(history: &mut History, dice: &mut Dice, last: MemberId) {
    let members = history.specs.len() as u32;
    let open = history.open.len() as u32;
    let some = dice.below(open) as usize;
    match dice.below(21) {
        0..8 => {
            history.claim(MemberId(dice.below(members)));
        }
        8..13 if open > 0 => {
            if history.open[some].landed.is_none() {
                history.land(some);
            } else if !history.is_merging {
                history.commit(some);
            }
        }
        13 if open > 0 => {
            let all = [Failure::OutOfMemory, Failure::Passing, Failure::Lost, Failure::WrongResult];
            let why = all[dice.below(4) as usize];
            let Open { claim, landed, .. } = &history.open[some];
            let (id, is_last) = (claim.id, claim.member == last);
            if history.is_merging && landed.is_some() {
                // It is in the copy: only the member as a whole can fail.
                assert_eq!(history.ledger.failed(id, why, history.now), Remedy::Retry);
            } else if !is_last || why == Failure::OutOfMemory && claim.units.len() > 1 {
                history.fail(some, why);
            }
        }
        14 if dice.chance(0.05) => {
            let member = MemberId(dice.below(members));
            if member != last {
                history.lose(member);
            }
        }
        15 if dice.chance(0.05) => history.join(some_spec(dice)),
        16 if history.is_merging => history.begin_fold(MemberId(dice.below(members))),
        17 if history.is_merging => history.end_fold(MemberId(dice.below(members)), dice.chance(0.8)),
        18 if !history.settled.is_empty() => {
            let at = dice.below(history.settled.len() as u32) as usize;
            history.say_again(at);
        }
        19 if dice.chance(0.2) => {
            let member = MemberId(dice.below(members));
            if member != last {
                history.trouble(member, [Failure::Passing, Failure::Lost][dice.below(2) as usize]);
            } else {
                history.ledger.close(member, history.now);
                history.is_closed(member);
            }
        }
        _ => {}
    }
}

#[test]
fn every_unit_is_committed_exactly_once() {
    let more = std::env::var("SWATH_SCHEDULE_HISTORIES").ok().and_then(|count| count.parse().ok());
    for seed in 0..more.unwrap_or(1500) {
        // The seed is in the output of a test that fails.
        println!("seed {seed}");
        run(seed);
    }
}

#[test]
fn a_snapshot_resumes() {
    let mut ledger = Ledger::new(100, vec![MemberSpec { most: 9, ..MemberSpec::default() }]);
    for _ in 0..3 {
        let Answer::Claim(claim) = ledger.claim(MemberId(0), Duration::ZERO) else { panic!("units are free") };
        assert!(matches!(ledger.landed(claim.id, Duration::from_millis(1)), Landing::Commit(_)));
        ledger.committed(claim.id);
    }
    // In flight and landed do not count.
    let Answer::Claim(_) = ledger.claim(MemberId(0), Duration::ZERO) else { panic!("units are free") };
    let snapshot = ledger.snapshot();
    let fresh = || Ledger::new(100, vec![MemberSpec::default()]);
    let mut resumed = fresh().resume(&snapshot).expect("a good snapshot");
    assert_eq!((resumed.committed_units(), resumed.snapshot()), (ledger.committed_units(), snapshot.clone()));
    let mut computed = Vec::new();
    while let Answer::Claim(claim) = resumed.claim(MemberId(0), Duration::ZERO) {
        resumed.landed(claim.id, Duration::from_millis(1));
        resumed.committed(claim.id);
        computed.extend(claim.units);
    }
    assert!(resumed.is_finished());
    assert_eq!(computed.len() as u32, 100 - ledger.committed_units());
    assert!(!computed.iter().any(|unit| snapshot.iter().any(|range| range.contains(unit))));
    for bad in [[0..0, 1..2], [1..2, 90..101], [3..9, 8..10], [0..4, Range { start: 5, end: 4 }]] {
        assert!(fresh().resume(&bad).is_err(), "{bad:?}");
    }
}

/// What a member of a merging call holds comes back when it is lost, and is committed at once when it is folded in.
#[test]
fn merged_results_count_once_they_are_folded_in() {
    let spec = MemberSpec { most: 10, ..MemberSpec::default() };
    let mut ledger = Ledger::new(40, vec![spec; 2]).merging();
    let mut then = Duration::ZERO;
    let mut hold = |ledger: &mut Ledger, member| {
        let Answer::Claim(claim) = ledger.claim(member, then) else { panic!("units are free") };
        then += Duration::from_millis(1);
        assert_eq!(ledger.landed(claim.id, then), Landing::Hold);
        assert!(!ledger.committed(claim.id), "it is held");
        claim.units
    };
    let first = hold(&mut ledger, MemberId(0));
    let second = hold(&mut ledger, MemberId(1));
    assert_eq!(ledger.committed_units(), 0);
    assert_eq!(ledger.fold(MemberId(0)), std::slice::from_ref(&first));
    let third = hold(&mut ledger, MemberId(0));
    ledger.folded(MemberId(0));
    assert_eq!(ledger.snapshot(), std::slice::from_ref(&first), "{third:?} landed after the fold began");
    ledger.lose(MemberId(1), then);
    assert_eq!(ledger.free.within(&second), std::slice::from_ref(&second));
    while let Answer::Claim(claim) = ledger.claim(MemberId(0), then) {
        then += Duration::from_millis(1);
        ledger.landed(claim.id, then);
    }
    assert_eq!(ledger.claim(MemberId(0), then), Answer::Fold);
    ledger.fold(MemberId(0));
    ledger.folded(MemberId(0));
    assert!(ledger.is_finished());
}

#[test]
fn what_runs_in_place_is_never_backed_up() {
    for (in_place, expected) in [(false, true), (true, false)] {
        let slow = MemberSpec { in_place, ..MemberSpec::default() };
        let fast = MemberSpec { rate: Some(1e6), ..MemberSpec::default() };
        let mut ledger = Ledger::new(2, vec![slow, fast]);
        assert!(matches!(ledger.claim(MemberId(0), Duration::ZERO), Answer::Claim(_)));
        let mut now = Duration::ZERO;
        let mut is_backed_up = false;
        for _ in 0..10 {
            now += Duration::from_millis(100);
            if let Answer::Claim(claim) = ledger.claim(MemberId(1), now) {
                is_backed_up |= claim.is_backup;
                ledger.landed(claim.id, now);
                ledger.committed(claim.id);
            }
        }
        assert_eq!((is_backed_up, ledger.is_finished()), (expected, expected));
    }
}

/// A listed member comes late, after others could have done everything.
#[test]
fn a_claim_is_kept_for_who_is_listed() {
    let listed = MemberSpec { is_listed: true, granularity: 4, ..MemberSpec::default() };
    for (spec, kept) in [(listed.clone(), 4), (MemberSpec { is_listed: false, ..listed }, 0)] {
        let quick = MemberSpec { rate: Some(1e6), ..MemberSpec::default() };
        let mut ledger = Ledger::new(100, vec![quick, spec]);
        let mut now = Duration::ZERO;
        for _ in 0..1000 {
            now += Duration::from_micros(10);
            if let Answer::Claim(claim) = ledger.claim(MemberId(0), now) {
                now += Duration::from_micros(10);
                ledger.landed(claim.id, now);
                ledger.committed(claim.id);
            }
        }
        assert_eq!(100 - ledger.committed_units(), kept);
        if kept > 0 {
            let Answer::Claim(claim) = ledger.claim(MemberId(1), now) else { panic!("a claim was kept for it") };
            assert_eq!(claim.units.len(), 4);
            ledger.lose(MemberId(1), now);
            assert!(matches!(ledger.claim(MemberId(0), now), Answer::Claim(_)), "nothing is kept for who is lost");
        }
    }
}

/// One member, nobody to share with: today's tiles.
#[test]
fn a_member_alone_gets_equal_tiles() {
    for (most, expected) in [(u32::MAX, vec![1000]), (400, vec![334, 333, 333]), (1000, vec![1000])] {
        let mut ledger = Ledger::new(1000, vec![MemberSpec { most, depth: 2, ..MemberSpec::default() }]);
        let mut sizes = Vec::new();
        while let Answer::Claim(claim) = ledger.claim(MemberId(0), Duration::ZERO) {
            sizes.push(claim.units.len());
            ledger.landed(claim.id, Duration::from_millis(1));
            ledger.committed(claim.id);
        }
        assert_eq!(sizes, expected);
    }
}
