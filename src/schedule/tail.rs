//! Where each member stands, which claims are late, and who does those again.

use std::ops::Range;

use super::{
    Ledger,
    claim::{ClaimId, MemberId},
    member::Member,
    policy::{BACKUP_MARGIN, Straggler},
    unit_set::UnitSet,
};

/// All members are looked at once in so many questions for the square of their number: at each question where they are few,
/// and so seldom where they are many that it costs little for each claim.
const QUESTIONS: f64 = 1.0 / 2048.0;

/// And once so many times more of them have shown their speed.
const MORE_KNOWN: f64 = 1.25;

/// How often who waits for something to become late asks again: in so many steps of the time that the call has taken.
const STEPS: f64 = 200.0;

/// How many stragglers are looked at for one that an idle member should back up.
const LOOKED_AT: usize = 8;

impl Ledger {
    /// The member's place in the crew: how fast it is, and when it is ready for more.
    pub(super) fn appraise(&mut self, at: usize, now: f64) {
        let member = &self.members[at];
        if !member.is_out() {
            let rate = member.speed.hoped_rate().unwrap_or(0.0);
            self.crew.set(at, rate, member.free_at(now) + member.before_a_claim());
        }
    }

    /// Looks at all members anew, now and then: who is late, what nobody knows the speed of, and which claims others would
    /// have done sooner.
    pub(super) fn refresh(&mut self, now: f64) {
        let members = self.members.len() as f64;
        self.asked = self.asked.saturating_add(1);
        if (self.asked as f64) < QUESTIONS * members * members && f64::from(self.known) < MORE_KNOWN * self.known_then {
            return;
        }
        (self.asked, self.known_then) = (0, f64::from(self.known.max(1)));
        let (mut rate, mut fixed, mut known) = (0.0, 0.0, 0.0_f64);
        for member in self.members.iter().filter(|member| !member.is_out()) {
            if let Some(one) = member.speed.rate() {
                (rate, fixed, known) = (rate + one, fixed + member.speed.fixed(), known + 1.0);
            }
        }
        let (usual, fixed) = (self.crew.policy.unknown * rate / known.max(1.0), fixed / known.max(1.0));
        for at in 0..self.members.len() {
            self.appraise(at, now);
            let member = &self.members[at];
            if !member.is_out() && member.speed.rate().is_none() {
                self.crew.set(at, guess(member, usual, now), member.free_at(now) + fixed);
            }
        }
        self.stragglers.clear();
        let horizon = self.crew.balance(self.free.count());
        if !self.is_merging && horizon.is_finite() {
            self.find_stragglers(horizon, now);
        }
    }

    /// Lists what others would do sooner, the last to land first. Without it, all is done at the `horizon`.
    fn find_stragglers(&mut self, horizon: f64, now: f64) {
        let mut stragglers = std::mem::take(&mut self.stragglers);
        for member in self.members.iter().filter(|member| !member.spec.in_place) {
            let late = member.ends(now).filter(|(flying, end)| *end > horizon && !flying.is_backup);
            stragglers.extend(late.map(|(flying, end)| {
                let units = self.open_part(&flying.units, now).count();
                Straggler { end, units, claim: flying.claim }
            }));
        }
        stragglers.sort_unstable_by(|a, b| b.end.total_cmp(&a.end).then(a.claim.cmp(&b.claim)));
        let risky = self.crew.add(now, &stragglers);
        stragglers.truncate(risky);
        self.stragglers = stragglers;
    }

    /// What an idle member should do of what others have in flight, or when to ask again.
    pub(super) fn back_up(&mut self, id: MemberId, now: f64) -> Result<Range<u32>, Option<f64>> {
        let member = &self.members[id.0 as usize];
        if member.spec.in_place || self.is_merging || !member.flights.is_empty() {
            return Err(None);
        }
        let Some(rate) = member.speed.rate() else { return Err(None) };
        let ready = now + member.before_a_claim();
        let (horizon, _) = self.crew.horizon(id.0 as usize, rate, ready, 0);
        // Less than its fixed cost is not worth a claim.
        let share = (rate * (horizon - ready).max(member.speed.fixed())).round().max(1.0) as u32;
        let open = |straggler: &&mut Straggler<ClaimId>| straggler.units > 0;
        let mut stragglers = std::mem::take(&mut self.stragglers);
        let piece = stragglers.iter_mut().filter(open).take(LOOKED_AT).find_map(|straggler| {
            let flight = self.flights.get(&straggler.claim).filter(|flight| flight.is_flying());
            let Some(open) = flight.and_then(|flight| self.open_part(&flight.units, now).iter().last()) else {
                straggler.units = 0;
                return None;
            };
            let count = member.rounded(share).min(open.end - open.start);
            let end = ready + f64::from(count) / rate;
            // Its own member most likely begins at the front.
            (BACKUP_MARGIN * (end - now) < straggler.end - now).then(|| {
                straggler.units = straggler.units.saturating_sub(count);
                open.end - count..open.end
            })
        });
        self.stragglers = stragglers;
        let step = (now / STEPS).max(ready - now).max(1e-5);
        piece.ok_or(Some(now + step))
    }

    /// Which of the units of a claim in flight are neither settled nor being computed by somebody else too. Backups that are
    /// late themselves do not count.
    fn open_part(&self, units: &Range<u32>, now: f64) -> UnitSet {
        let mut open = UnitSet::default();
        self.unsettled(units).into_iter().for_each(|range| open.insert(range));
        for backup in self.backups.iter().filter(|backup| now < 2.0 * backup.due - backup.claimed) {
            if backup.units.start < units.end && units.start < backup.units.end {
                open.clear(&backup.units);
            }
        }
        open
    }
}

/// Units per second of a member that nothing has landed of: as many as usual, but no more than would have let it land.
fn guess(member: &Member, usual: f64, now: f64) -> f64 {
    let possible = |flying: &super::claim::Flying| f64::from(flying.count()) / (now - flying.claimed).max(1e-9);
    member.flights.first().map_or(usual, |flying| usual.min(possible(flying)))
}
