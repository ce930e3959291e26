//! How many units a claim should have.
//!
//! All members should end together. If the ones at work go on as fast as they were, what is left is done at a *horizon*
//! that follows from their speeds and from when each is free. A member's share is what it can do until then. It is
//! given a part of that, since speeds are guesses and change: the part that is kept back is divided again later,
//! by whoever is free. Small claims waste the fixed cost, large ones leave nothing to correct with.

use std::time::Duration;

use super::speed::Speed;

/// What the policy offers a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Offer {
    /// So many units.
    Units(u32),
    /// None: the others will be done before this member would be. Ask again at that time.
    Later(Option<Duration>),
}

/// At least so many first claims of a member would make up its share.
const PROBES_EACH: u32 = 64;

/// The numbers of the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The share of its part that a member gets at once.
    pub part: f64,
    /// The longest claim, as a part of the time that the whole call takes: what a member that suddenly stops can hold up.
    pub longest: f64,
    /// The most of a claim that its fixed cost should be.
    pub waste: f64,
    /// How many times larger than the largest that landed a member's next claim may be.
    pub growth: f64,
    /// What a member of unknown speed starts with: one of so many parts of the units.
    pub probes: u32,
    /// What a member of unknown speed is taken for, as a part of the others' mean.
    pub unknown: f64,
    /// How much of a share may be taken at once rather than leaving less than this many fixed costs' worth behind.
    pub last: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { part: 2.5, longest: 1.0 / 24.0, waste: 0.5, growth: 8.0, probes: 2048, unknown: 0.7, last: 1.0 }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Hand {
    /// Units per second; 0 while unknown.
    rate: f64,
    /// When it has done what it claimed, in seconds.
    free_at: f64,
    /// Seconds that its next claim costs however small it is.
    fixed: f64,
    is_in: bool,
}

/// The members at work, with what is needed to find the horizon in constant time.
#[derive(Clone, Debug)]
pub(crate) struct Crew {
    hands: Vec<Hand>,
    /// Sums over the members of rate, and of rate * free_at.
    rate: f64,
    rate_free_at: f64,
    since_refresh: u32,
    known: u32,
    present: u32,
    pub policy: Policy,
}

impl Crew {
    pub fn new(members: usize) -> Crew {
        let hands = vec![Hand { is_in: true, ..Hand::default() }; members];
        Crew {
            hands,
            rate: 0.0,
            rate_free_at: 0.0,
            since_refresh: 0,
            known: 0,
            present: members as u32,
            policy: Policy::default(),
        }
    }

    /// Whether it is time to look at all members again; as often as keeps that cheap for each claim.
    pub fn wants_refresh(&mut self) -> bool {
        self.since_refresh += 1;
        let is_due = self.since_refresh as usize * 4 > self.hands.len();
        if is_due {
            self.since_refresh = 0;
            // The sums anew, so that roundings do not add up.
            self.rate = self.hands.iter().map(|hand| hand.rate).sum();
            self.rate_free_at = self.hands.iter().map(|hand| hand.rate * (hand.free_at + hand.fixed)).sum();
        }
        is_due
    }

    pub fn free_at(&self, member: usize) -> Duration {
        Duration::try_from_secs_f64(self.hands[member].free_at).unwrap_or_default()
    }

    fn replace(&mut self, member: usize, hand: Hand) {
        let old = self.hands[member];
        self.known = self.known + u32::from(hand.rate > 0.0) - u32::from(old.rate > 0.0);
        self.present = self.present + u32::from(hand.is_in) - u32::from(old.is_in);
        self.rate += hand.rate - old.rate;
        self.rate_free_at += hand.rate * (hand.free_at + hand.fixed) - old.rate * (old.free_at + old.fixed);
        self.hands[member] = hand;
    }

    /// The member has work until then.
    pub fn busy_until(&mut self, member: usize, free_at: Duration) {
        let hand = Hand { free_at: free_at.as_secs_f64(), ..self.hands[member] };
        self.replace(member, hand);
    }

    /// How fast the member is now, and when it is free.
    pub fn update(&mut self, member: usize, speed: &Speed, free_at: Duration) {
        let old = self.hands[member];
        let rate = if old.is_in { speed.rate().unwrap_or(0.0) } else { 0.0 };
        self.replace(member, Hand { rate, free_at: free_at.as_secs_f64(), fixed: speed.fixed(), ..old });
    }

    /// The member is given nothing any more.
    pub fn leave(&mut self, member: usize) {
        self.replace(member, Hand::default());
    }

    /// What to offer a member, of `free` units.
    pub fn offer(&mut self, speed: &Speed, member: usize, free: u32, now: Duration, others_at_work: bool) -> Offer {
        let now = now.as_secs_f64();
        let Policy { part, longest, waste, growth, unknown, last, .. } = self.policy;
        let Some(rate) = speed.rate() else {
            let parts = self.policy.probes.max(PROBES_EACH.saturating_mul(self.present));
            return Offer::Units((free / parts).max(1));
        };
        let busy = self.hands[member].free_at.max(now);
        // The member itself may not be in the sums yet.
        let own = self.hands[member];
        let mut others = (self.rate - own.rate).max(0.0);
        let mut others_free = self.rate_free_at - own.rate * (own.free_at + own.fixed);
        let known = f64::from(self.known.max(1));
        let guess = unknown * f64::from(self.present.saturating_sub(self.known)) * (others + rate) / known;
        others += guess;
        others_free += guess * now;
        let fixed = speed.fixed();
        let horizon = ((f64::from(free) + others_free + rate * (busy + fixed)) / (others + rate)).max(busy);
        let share = rate * (horizon - busy - fixed);
        let free = f64::from(free);
        if share < 1.0 && others_at_work && others > 0.0 {
            // Even one unit would end after all others.
            let one = busy + fixed + 1.0 / rate;
            if one > horizon + 0.02 * horizon {
                return Offer::Later(None);
            }
        }
        let least = rate * fixed / (waste * speed.error()).clamp(0.02, 0.2);
        let longest = (rate * longest * horizon).max(least);
        let mine = rate / (others + rate);
        let part = (1.0 - part * speed.error()).clamp(0.3, 0.95);
        let part = part + (1.0 - part) * mine * mine;
        let mut units = (share * part).max(least).min(longest);
        if units > share.max(1.0) {
            units = share.max(1.0);
        }
        if share - units < least * last {
            units = share.min(longest * 1.5).max(1.0);
        }
        let most = growth * f64::from(speed.largest().max(1));
        let most = most.min(f64::from(speed.best_size()).max(least));
        if free <= rate * fixed {
            // To divide this costs more than it saves.
            units = free;
        }
        let units = units.min(most).min(free).max(1.0).round();
        Offer::Units(units as u32)
    }
}
