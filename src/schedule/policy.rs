//! How many units a claim should have.
//!
//! All members should end together. If everyone goes on as fast as now, what is left is done at a *horizon* that follows
//! from the members' speeds and from when each is ready for more. What a member can do until then is its share. It is given
//! a little less, for speeds are estimates and change: the units that are kept back are divided again later, by whoever is
//! ready for them. A member that ends early costs its own time only, one that ends late costs everybody's.

use super::speed::{Speed, USUAL_FIXED};

/// What the policy offers a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Offer {
    /// So many units.
    Units(u32),
    /// None: others will be done before it would be with a single one. It may ask again at that time, in seconds.
    Later(f64),
}

/// The numbers of the policy. They were searched for on simulated calls of other seeds than those of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// The first claims of members of unknown speed would together be one of so many parts of all units.
    pub probes: f64,
    /// What a member of unknown speed is taken for, as a part of the others' mean, until it is seen to be slower.
    pub unknown: f64,
    /// How many times the expected error of a claim's time is kept back of a share.
    pub caution: f64,
    /// By how much larger the error may be before a claim has landed; it falls with their number.
    pub doubt: f64,
    /// The share of a member that is kept back at most.
    pub most_kept: f64,
    /// The longest claim, as a part of the time that the whole call takes: what a member that suddenly stops can hold up.
    pub longest: f64,
    /// Longer ones are made as long as the fixed cost of a claim would be more than this part of it.
    pub overhead: f64,
    /// The largest claim that is made to see whether it is faster than smaller ones, as a part of the time of the call.
    pub explored: f64,
    /// What it may cost at most to try a smaller size, as a part of the same.
    pub tried: f64,
    /// How many times larger than any that landed a claim may be.
    pub growth: f64,
    /// To keep back less than this many times a claim's fixed cost is not worth another claim.
    pub worthwhile: f64,
    /// How much of what is not worth another claim is kept back all the same.
    pub left: f64,
    /// Units that one member does within this many fixed costs of a claim are not divided.
    pub indivisible: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            probes: 134.0,
            unknown: 0.75,
            caution: 1.75,
            doubt: 1.35,
            most_kept: 0.9,
            longest: 0.01,
            overhead: 0.026,
            explored: 0.045,
            tried: 0.0005,
            growth: 10.0,
            worthwhile: 1.25,
            left: 0.3,
            indivisible: 2.0,
        }
    }
}

/// Where a member stands. Times are seconds since the start of the call.
#[derive(Clone, Copy, Debug, Default)]
struct Hand {
    /// Units per second; 0 as long as nothing is known.
    rate: f64,
    /// When the computation of another claim's units could begin.
    ready: f64,
    /// Whether it is ready before the horizon, and so in the sums.
    is_counted: bool,
}

/// A claim in flight that might be done sooner by others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Straggler<K> {
    /// When it is expected to land.
    pub end: f64,
    /// Its units.
    pub units: u32,
    /// Its name.
    pub claim: K,
}

/// The members at work, and the horizon. A change of one member takes constant time; who is ready too late to be of use is
/// worked out for all at once, in [`balance`](Crew::balance), now and then.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    hands: Vec<Hand>,
    /// Sums of rate, and of rate * ready, over those that count.
    rate: f64,
    rate_ready: f64,
    /// Units in flight that others will have to do again.
    again: f64,
    /// The units that were free, who counted, and the horizon, as of when all members were last looked at.
    free: f64,
    filled: Filled,
    /// The members with a rate by when they are ready; kept for its memory.
    order: Vec<(f64, f64, u32)>,
    pub policy: Policy,
}

impl Crew {
    pub fn new(policy: Policy) -> Crew {
        let (hands, order) = (Vec::new(), Vec::new());
        Crew { hands, rate: 0.0, rate_ready: 0.0, again: 0.0, free: 0.0, filled: Filled::default(), order, policy }
    }

    /// One more member.
    pub fn join(&mut self) {
        self.hands.push(Hand::default());
    }

    /// How fast a member is, and when it is ready for more.
    pub fn set(&mut self, member: usize, rate: f64, ready: f64) {
        let hand = &mut self.hands[member];
        if hand.is_counted {
            self.rate -= hand.rate;
            self.rate_ready -= hand.rate * hand.ready;
        }
        let is_counted = rate > 0.0 && ready < self.filled.horizon;
        *hand = Hand { rate, ready, is_counted };
        if is_counted {
            self.rate += rate;
            self.rate_ready += rate * ready;
        }
    }

    /// Works out who is ready in time to be of use for `free` units, and when all is done then.
    pub fn balance(&mut self, free: u32) -> f64 {
        self.order.clear();
        let known = (0u32..).zip(&self.hands).filter(|(_, hand)| hand.rate > 0.0);
        self.order.extend(known.map(|(at, hand)| (hand.ready, hand.rate, at)));
        self.order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        self.free = f64::from(free);
        self.level(self.free)
    }

    /// Adds what others have in flight, the last to land first, as long as it would be done sooner than its own member does
    /// it. How many that are.
    pub fn add<K>(&mut self, now: f64, stragglers: &[Straggler<K>]) -> usize {
        let mut work = self.free;
        let mut filled = self.filled;
        let mut risky = 0;
        for straggler in stragglers {
            work += f64::from(straggler.units);
            filled.pour(&self.order, work);
            if straggler.end - now < BACKUP_MARGIN * (filled.horizon - now) {
                work -= f64::from(straggler.units);
                break;
            }
            risky += 1;
        }
        if risky > 0 {
            self.level(work);
        }
        risky
    }

    /// Counts those who are ready in time for so much work.
    fn level(&mut self, work: f64) -> f64 {
        let mut filled = Filled::default();
        filled.pour(&self.order, work);
        for (at, &(_, _, member)) in self.order.iter().enumerate() {
            self.hands[member as usize].is_counted = at < filled.count;
        }
        (self.rate, self.rate_ready, self.again) = (filled.rate, filled.rate_ready, work - self.free);
        self.filled = filled;
        filled.horizon
    }

    /// When all is done, and the rate of the others, if this member is ready then.
    pub fn horizon(&self, member: usize, rate: f64, ready: f64, free: u32) -> (f64, f64) {
        let own = self.hands[member];
        let (mut others, mut others_ready) = (self.rate, self.rate_ready);
        if own.is_counted {
            others -= own.rate;
            others_ready -= own.rate * own.ready;
        }
        // What roundings leave is nobody.
        if others < 1e-9 * rate {
            (others, others_ready) = (0.0, 0.0);
        }
        let work = f64::from(free) + self.again;
        ((work + others_ready + rate * ready) / (others + rate), others)
    }

    /// Whole units that the others could do before a time.
    fn others_by(&self, end: f64, member: usize) -> f64 {
        let others = self.hands.iter().enumerate().filter(|(at, hand)| *at != member && hand.ready < end);
        // A little more than one is one: else two members that are alike would wait for each other.
        others.map(|(_, hand)| f64::from((hand.rate * (end - hand.ready) - 0.02) as u32)).sum()
    }

    /// How many of `units` a member of unknown speed should start with.
    pub fn probe(&self, units: u32, present: u32) -> u32 {
        let parts = self.policy.probes * f64::from(present);
        (f64::from(units) / parts) as u32
    }

    /// How many of the `free` units to offer a member of this speed that is `ready` then, and could have so many claims more in
    /// flight.
    pub fn offer(&self, member: usize, speed: &Speed, free: u32, slots: u32, ready: f64, now: f64) -> Offer {
        let Some(rate) = speed.rate() else { return Offer::Units(1) };
        let policy = &self.policy;
        let (horizon, others) = self.horizon(member, rate, ready, free);
        let (span, unit) = (horizon - ready, rate.recip());
        if span < unit && others > 0.0 && self.others_by(ready + unit, member) >= f64::from(free) + self.again {
            return Offer::Later(now + (0.5 * (horizon - now)).max(0.05 * unit));
        }
        let fixed = 0.5 * (speed.fixed() + speed.fixed_at_most());
        if f64::from(free) <= policy.indivisible * rate * fixed {
            // To divide this costs more than it saves.
            return Offer::Units(free);
        }
        let given = 1.0 - self.kept(speed, span, fixed, rate / (others + rate));
        // What is in flight is as uncertain as what is to be claimed, and all that may be in flight should be alike.
        let certain = (given * (horizon - now) - (ready - now)).max(0.5 * given * span);
        // A large claim's own way there and back is not hidden by others.
        let most = (rate * certain / f64::from(slots)).min(given * (horizon - now) / speed.way());
        let longest = (policy.longest * horizon).max(speed.fixed_at_most().min(USUAL_FIXED) / policy.overhead);
        let mut units = most.min(longest * rate).min(self.in_line(speed, span, fixed, horizon));
        if units < TRIED_SHARE * most {
            let (larger, smaller) = (policy.explored * horizon * rate, policy.tried * horizon);
            units = speed.preferred(units, larger, TRIED_SHARE * most, smaller);
        }
        if speed.seen() > 0 {
            units = units.min(policy.growth * f64::from(speed.largest().max(1)));
        }
        Offer::Units(units.round().clamp(1.0, f64::from(free.max(1))) as u32)
    }

    /// The size of claims that follow each other, one on its way while another is computed. The first one's way there and the
    /// last one's way back are not hidden and grow with the size, what the fixed costs take of the `span` falls with it: the
    /// sum of both is least in between.
    fn in_line(&self, speed: &Speed, span: f64, fixed: f64, horizon: f64) -> f64 {
        let (Some(rate), true) = (speed.rate(), speed.way() > 0.0) else { return f64::INFINITY };
        let beyond = (speed.way() - rate.recip()).max(0.1 * rate.recip());
        let best = (fixed * span.max(0.0) * rate / beyond).sqrt();
        best.max(0.5 * self.policy.longest * horizon * rate)
    }

    /// The part of a share that is not given at once: as much as its time may turn out to be longer, but none of what is
    /// nobody else's to take over, and less where another claim would not pay.
    fn kept(&self, speed: &Speed, span: f64, fixed: f64, mine: f64) -> f64 {
        let policy = &self.policy;
        let error = speed.error() * (1.0 + policy.doubt / f64::from(speed.seen() + 1));
        let kept = (policy.caution * error).min(policy.most_kept) * (1.0 - mine);
        if kept * span < policy.worthwhile * fixed { kept * policy.left } else { kept }
    }
}

/// The members that are ready before the horizon, as water that is poured in rises over one step after the other.
#[derive(Clone, Copy, Debug)]
struct Filled {
    rate: f64,
    rate_ready: f64,
    count: usize,
    horizon: f64,
}

impl Default for Filled {
    fn default() -> Self {
        Filled { rate: 0.0, rate_ready: 0.0, count: 0, horizon: f64::INFINITY }
    }
}

impl Filled {
    /// For so much work, no less than before; `order` has when members are ready, the first one first, and their rates.
    fn pour(&mut self, order: &[(f64, f64, u32)], work: f64) {
        self.horizon = if self.count > 0 { (work + self.rate_ready) / self.rate } else { f64::INFINITY };
        while let Some(&(ready, rate, _)) = order.get(self.count)
            && ready < self.horizon
        {
            self.rate += rate;
            self.rate_ready += rate * ready;
            self.count += 1;
            self.horizon = (work + self.rate_ready) / self.rate;
        }
    }
}

/// A backup starts if what it backs up takes so many times longer.
pub(super) const BACKUP_MARGIN: f64 = 1.2;

/// Sizes are tried as long as they are no more than this part of a member's share.
const TRIED_SHARE: f64 = 0.5;
