//! Members: what is told of them, what they did, and the ledger's notes about each.

use std::time::Duration;

use super::{claim::Flying, speed::Speed};

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
    /// Whether it writes its results where they belong before they are committed. Its claims are never backed up, and it
    /// backs nobody up.
    pub in_place: bool,
    /// Whether it was asked for by name: then a claim is kept for it, if there are units enough.
    pub is_listed: bool,
}

impl Default for MemberSpec {
    /// A member of unknown speed that takes any number of units, one claim at a time, on copies.
    fn default() -> Self {
        MemberSpec {
            rate: None,
            fixed: None,
            granularity: 1,
            most: u32::MAX,
            depth: 1,
            in_place: false,
            is_listed: false,
        }
    }
}

/// What a member has done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Units of its that count: committed, or to be committed.
    pub units: u32,
    /// Claims that landed.
    pub claims: u32,
    /// Claims that it was given as backups of others'.
    pub backups: u32,
    /// Units that it computed in vain, since others were first.
    pub discarded: u32,
    /// Time in which it had claims in flight.
    pub busy: Duration,
    /// Time in which it had none, from when it joined until it left or all was done.
    pub idle: Duration,
    /// Units per second, as estimated by now.
    pub rate: Option<f64>,
    /// Time that a claim costs however small it is, as estimated by now.
    pub fixed: Duration,
}

/// A member's side of the books.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub spec: MemberSpec,
    /// As in the spec, or less once its memory was too small.
    pub most: u32,
    pub speed: Speed,
    /// Its claims that have not landed, in order.
    pub flights: Vec<Flying>,
    /// When its last claim landed.
    pub last_landing: f64,
    /// When it is to ask next, if it has nothing in flight.
    pub asks_at: f64,
    /// Failures since a claim landed, and all those that were no claim's.
    pub failures: u32,
    pub troubles: u32,
    /// Whether it was given a claim.
    pub has_claimed: bool,
    pub joined: f64,
    /// When it was given up.
    pub left: Option<f64>,
    /// Units of which the results are there and count.
    pub units: u32,
    pub share: Share,
    pub busy: f64,
}

impl Member {
    pub fn new(spec: MemberSpec, now: f64) -> Member {
        Member {
            most: spec.most.max(1),
            speed: Speed::new(spec.rate, spec.fixed),
            spec,
            flights: Vec::new(),
            last_landing: now,
            asks_at: now,
            failures: 0,
            troubles: 0,
            has_claimed: false,
            joined: now,
            left: None,
            units: 0,
            share: Share::default(),
            busy: 0.0,
        }
    }

    pub fn is_out(&self) -> bool {
        self.left.is_some()
    }

    pub fn depth(&self) -> usize {
        self.spec.depth.max(1) as usize
    }

    /// When it has done what it has in flight, or asks if it has nothing. Who is late by some time is expected to need as much
    /// again. Before anything is known of its speed it is late from the start.
    pub fn free_at(&self, now: f64) -> f64 {
        let due = self.flights.last().map_or(self.asks_at, |flying| flying.due);
        due + 2.0 * self.late(now)
    }

    /// By how much what it should have done is late.
    fn late(&self, now: f64) -> f64 {
        let first = self.flights.first().map_or(self.asks_at, |flying| flying.due);
        (now - first).max(0.0)
    }

    /// Its claims in flight, and when they are expected to land.
    pub fn ends(&self, now: f64) -> impl Iterator<Item = (&Flying, f64)> {
        let late = self.late(now);
        self.flights.iter().map(move |flying| (flying, flying.due + 2.0 * late))
    }

    /// When the computation of a claim could begin that it makes now.
    pub fn begins(&self, now: f64) -> f64 {
        if self.flights.is_empty() { now + self.speed.latency() } else { self.free_at(now) }
    }

    /// When a claim of so many units lands that it makes now and can begin with then, as far as its speed is known.
    pub fn due(&self, units: u32, begins: f64, now: f64) -> Option<f64> {
        let span = self.speed.predict(units)?;
        Some((begins + span).max(now + f64::from(units) * self.speed.way()))
    }

    /// Seconds that pass between when it is free and when another claim's computation begins.
    pub fn before_a_claim(&self) -> f64 {
        let latency = if self.flights.is_empty() { self.speed.latency() } else { 0.0 };
        self.speed.fixed() + latency
    }

    /// So many units as it takes them: a multiple of its granularity, and no more than it has room for.
    pub fn rounded(&self, units: u32) -> u32 {
        let step = self.spec.granularity.max(1);
        let nearest = (units.saturating_add(step / 2) / step).max(1).saturating_mul(step);
        let room = if self.most >= step { self.most - self.most % step } else { self.most };
        nearest.min(room)
    }

    /// Its share as of `now`.
    pub fn share(&self, now: f64) -> Share {
        let present = (self.left.unwrap_or(now) - self.joined).max(0.0);
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
        Share {
            units: self.units,
            busy: seconds(self.busy),
            idle: seconds(present - self.busy),
            rate: self.speed.rate(),
            fixed: seconds(self.speed.fixed()),
            ..self.share
        }
    }
}
