//! What the members of a launch share: the ledger, and what went wrong so far.

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Member, MemberMetrics, Outcome};
use crate::{
    access::Verdict,
    error::{Error, Message, Result},
    exec::{
        Metrics,
        fault::{Fault, FaultClass},
    },
    kernel::Kernel,
    plan::{Plan, Residency, SETS},
    schedule::{ClaimId, Ledger, MemberId, MemberSpec, Remedy},
};

/// The ledger, and what the members know of each other.
pub(super) struct Books<'a> {
    kernel: &'a Kernel,
    state: Mutex<State>,
    pub changed: Condvar,
    start: Instant,
    is_merging: bool,
    /// Whether results of a unit that was done twice would be wrong, once those of the first time are on the host.
    updates: bool,
}

pub(super) struct State {
    pub ledger: Ledger,
    /// What ends the launch.
    error: Option<Error>,
    /// What did not, in order.
    faults: Vec<Fault>,
    /// Nobody is to claim anything more.
    pub is_over: bool,
    /// Claims that were committed.
    pub tiles: u32,
    /// Whether the spare member has been called in.
    is_spare_used: bool,
}

/// How a session ended that failed.
pub(super) struct Trouble {
    pub error: Error,
    /// The claim that it was about.
    pub claim: Option<ClaimId>,
    /// Whether some of its results may be on the host.
    pub is_settling: bool,
}

impl<'a> Books<'a> {
    pub fn new(kernel: &'a Kernel, members: &[Member<'_>], is_merging: bool) -> Books<'a> {
        let units = members.first().map_or(0, |member| member.plan.tiles.units());
        let ledger = Ledger::new(units, members.iter().map(spec).collect());
        let ledger = if is_merging { ledger.merging() } else { ledger };
        let state = State { ledger, error: None, faults: Vec::new(), is_over: false, tiles: 0, is_spare_used: false };
        Books {
            kernel,
            state: Mutex::new(state),
            changed: Condvar::new(),
            start: Instant::now(),
            is_merging,
            updates: members.first().is_some_and(|member| updates_in_place(member.plan)),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Has nobody claim anything more.
    pub fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    /// A member's session failed. Whether the member goes on with another one.
    pub fn failed(&self, member: MemberId, trouble: Trouble) -> bool {
        let Trouble { error, claim, is_settling } = trouble;
        let mut state = self.state();
        let now = self.now();
        // What was folded in, or brought to where the kernel reads it, cannot be done again.
        let is_spoilt = self.updates && (is_settling || self.is_merging && state.ledger.holds(member));
        let goes_on = match FaultClass::of(&error) {
            FaultClass::Device(why) if !is_spoilt && !state.is_over => {
                // A claim that is held has landed, and is no longer what failed.
                let remedy = match claim.filter(|_| !(is_settling && self.is_merging)) {
                    Some(claim) => state.ledger.failed(claim, why, now),
                    None => state.ledger.troubled(member, why, now),
                };
                state.ledger.close(member, now);
                tracing::warn!(kernel = self.kernel.name(), %error, ?remedy, "a device failed in a call");
                state.faults.push(Fault { member: member.0 as usize, error, remedy });
                remedy != Remedy::Out
            }
            _ => {
                state.ledger.lose(member, now);
                state.is_over = true;
                state.error.get_or_insert(error);
                false
            }
        };
        drop(state);
        self.changed.notify_all();
        goes_on
    }

    /// The system starts no thread for a member.
    pub fn never_came(&self, member: MemberId, why: &io::Error) {
        let message = self.kernel.message(format!("the system starts no thread to feed a device: {why}"));
        let error = Error::Device(message.help("ask for fewer devices"));
        let mut state = self.state();
        let now = self.now();
        state.ledger.lose(member, now);
        state.faults.push(Fault { member: member.0 as usize, error, remedy: Remedy::Out });
        drop(state);
        self.changed.notify_all();
    }

    /// The spare member's name in the ledger, where all others are out and units are left.
    pub fn call_spare(&self, spare: Option<&Member<'_>>) -> Option<MemberId> {
        let mut state = self.state();
        let spare = spare.filter(|_| !state.is_over && !state.is_spare_used && state.ledger.is_stuck())?;
        state.is_spare_used = true;
        let now = self.now();
        tracing::warn!(kernel = self.kernel.name(), "no other device is left: the spare one goes on");
        Some(state.ledger.join(spec(spare), now))
    }

    /// What came of it; the metrics are those of all members, the spare one last if it was called in.
    pub fn into_outcome(self, metrics: Vec<Metrics>) -> Result<Outcome> {
        let now = self.start.elapsed();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        let faults = state.faults;
        if !state.ledger.is_finished() {
            let last = faults.into_iter().next_back().map(|fault| fault.error);
            let unknown = || Error::Device(Message::new("the devices stopped before all of a call was done"));
            return Err(last.unwrap_or_else(unknown));
        }
        let share = |number| state.ledger.share(MemberId(number), now);
        let members = (0..).zip(metrics).map(|(number, metrics)| MemberMetrics { metrics, share: share(number) });
        Ok(Outcome { members: members.collect(), faults })
    }
}

/// Whether the kernel reads what it writes, copies of merged bindings aside.
fn updates_in_place(plan: &Plan) -> bool {
    let own = plan.bindings.iter().enumerate().filter(|(_, binding)| !matches!(binding.verdict, Verdict::Merged(_)));
    own.into_iter().any(|(at, _)| !plan.updates(at, 0..plan.tiles.units()).is_empty())
}

/// What the ledger is told of a member.
fn spec(member: &Member<'_>) -> MemberSpec {
    let is_host = member.plan.bindings.iter().any(|binding| binding.residency == Residency::Host);
    MemberSpec {
        most: member.plan.tiles.units_per_tile(),
        depth: if is_host { 1 } else { SETS as u32 },
        in_place: is_host,
        is_listed: member.is_listed,
        ..MemberSpec::default()
    }
}
