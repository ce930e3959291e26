//! What the members of a launch share: the ledger, and what went wrong so far.

use std::{
    io, mem,
    ops::Range,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Member, MemberMetrics, Outcome};
use crate::{
    access::Verdict,
    error::{Error, Message, Result},
    exec::{
        Metrics, Watcher,
        fault::{Fault, FaultClass},
        keep::{self, Keeping, Wanted},
        trace::Track,
    },
    journal::Memory,
    kernel::Kernel,
    plan::{Plan, Residency, SETS, TileEvent},
    schedule::{ClaimId, Ledger, MemberId, MemberSpec, Remedy},
};

/// The ledger, and what the members know of each other.
pub(super) struct Books<'a> {
    kernel: &'a Kernel,
    state: Mutex<State>,
    pub changed: Condvar,
    pub start: Instant,
    is_merging: bool,
    /// Whether a journal is kept.
    pub is_kept: bool,
    /// Held by whoever folds a copy in, and by whoever records what is merged: so that the memory has all units that landed,
    /// and no others.
    folding: Mutex<()>,
    /// How often all members were asked to fold.
    folds_asked: AtomicU32,
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
    /// Units that were, since the journal was last told.
    pub landed: Vec<Range<u32>>,
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
    /// Books of a launch; `committed` are the units of earlier ones, where a journal is kept.
    ///
    /// # Errors
    ///
    /// If there are no such units.
    pub fn new(
        kernel: &'a Kernel,
        members: &[Member<'_>],
        is_merging: bool,
        committed: Option<&[Range<u32>]>,
    ) -> Result<Books<'a>> {
        let units = members.first().map_or(0, |member| member.plan.tiles.units());
        let done = committed.unwrap_or_default();
        let ledger = Ledger::new(units, members.iter().map(spec).collect());
        let ledger = if is_merging { ledger.merging() } else { ledger };
        let ledger = ledger.resume(done).map_err(|range| keep::misfit(&range))?;
        let state = State {
            ledger,
            error: None,
            faults: Vec::new(),
            is_over: false,
            tiles: 0,
            landed: Vec::new(),
            is_spare_used: false,
        };
        Ok(Books {
            kernel,
            state: Mutex::new(state),
            changed: Condvar::new(),
            start: Instant::now(),
            is_merging,
            is_kept: committed.is_some(),
            folding: Mutex::default(),
            folds_asked: AtomicU32::new(0),
            updates: members.first().is_some_and(|member| updates_in_place(member.plan)),
        })
    }

    /// Tells the watcher and the trace what earlier launches have done.
    pub fn tell_resumed(&self, units: &[Range<u32>], watcher: &mut Option<&mut Watcher<'_>>, track: Option<Track<'_>>) {
        let mut state = self.state();
        state.tiles = 1;
        let (units_done, all) = (state.ledger.committed_units(), state.ledger.units());
        drop(state);
        if let Some(track) = track {
            units.iter().for_each(|units| track.resumed(units.clone()));
        }
        if let Some(watcher) = watcher.as_mut() {
            watcher(TileEvent { tile: 0, tiles: 1, units_done, units: all });
        }
    }

    /// Has the journal kept, if there is one; gives how long it may be left alone. Its failure ends the launch.
    pub fn keep(&self, keeping: &mut Option<Keeping<'_>>, memory: &dyn Memory, is_last: bool) -> Option<Duration> {
        let kept = keeping.as_mut()?;
        let _folding = self.is_merging.then(|| self.folding());
        let landed = mem::take(&mut self.state().landed);
        match kept.tend(landed, memory, is_last) {
            Ok(Wanted::Time(time)) => Some(time),
            Ok(Wanted::Folds(time)) => {
                self.folds_asked.fetch_add(1, Ordering::Relaxed);
                self.changed.notify_all();
                Some(time)
            }
            Err(error) => {
                self.state().error.get_or_insert(error);
                *keeping = None;
                self.end();
                None
            }
        }
    }

    /// Has nobody record what is merged, or fold something in, meanwhile.
    pub fn folding(&self) -> MutexGuard<'_, ()> {
        self.folding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often all members were asked to fold.
    pub fn folds_asked(&self) -> u32 {
        self.folds_asked.load(Ordering::Relaxed)
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
        rate: member.rate,
        ..MemberSpec::default()
    }
}
