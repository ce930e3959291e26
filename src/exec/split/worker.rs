//! A member at work: claims go to its session, and their results to where they belong.

use std::{
    collections::VecDeque,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::{PoisonError, mpsc},
    time::{Duration, Instant},
};

use super::{
    HUNG, Host, Member,
    books::{Books, Trouble},
};
use crate::{
    error::{Error, Result},
    exec::{
        Launch, Metrics,
        session::Session,
        stop::Stop,
        trace::{Activity, Track, span},
    },
    kernel::Kernel,
    plan::TileEvent,
    schedule::{Answer, Claim, Landing, Ledger, MemberId},
};

/// The shortest and the longest wait before the ledger is asked again.
const SHORT: Duration = Duration::from_micros(20);
const LONG: Duration = Duration::from_millis(100);

/// What all members work on.
#[derive(Clone, Copy)]
pub(super) struct Work<'w> {
    pub kernel: &'w Kernel,
    pub hosts: &'w [Host<'w>],
    pub workgroups: [u32; 3],
    pub stop: Option<&'w Stop>,
    pub is_exact: bool,
    /// The shortest time after which a claim may count as hung.
    pub patience: Duration,
    pub books: &'w Books<'w>,
}

/// Serves a member in one session after the other, until nothing is left for it; gives what those did that ended well.
pub(super) fn serve(work: Work<'_>, member: &Member<'_>, id: MemberId, sender: &mpsc::Sender<TileEvent>) -> Metrics {
    let mut worker = Worker {
        id,
        books: work.books,
        sender,
        patience: work.patience,
        flights: VecDeque::new(),
        track: member.track,
        settled: 0,
        folds_seen: 0,
        at_work: None,
        is_settling: false,
    };
    loop {
        let launch = Launch {
            kernel: work.kernel,
            args: work.hosts.iter().map(Host::arg).collect(),
            workgroups: work.workgroups,
            stop: work.stop,
            is_exact: work.is_exact,
            spare_threads: member.spare_threads,
            plan: Some(member.plan),
            track: member.track,
            watcher: None,
            landing: None,
            watches_loops: member.watches_loops,
            // Each claim has its own.
            patience: None,
        };
        let serve = || member.backend.serve(launch, member.plan, &mut |session| worker.work(session));
        let result = panic::catch_unwind(AssertUnwindSafe(serve)).unwrap_or_else(|_| {
            let message = work.kernel.message("a thread that feeds a device failed");
            Err(Error::Device(message.subject(member.backend.info().name.as_str())))
        });
        match result {
            Ok(metrics) => {
                work.books.changed.notify_all();
                return metrics;
            }
            Err(error) => {
                let claim = worker.at_work.take();
                let is_settling = std::mem::take(&mut worker.is_settling);
                worker.flights.clear();
                if !work.books.failed(id, Trouble { error, claim, is_settling }) {
                    return Metrics::default();
                }
            }
        }
    }
}

/// A claim that a session has started and not settled.
struct Flight {
    claim: Claim,
    began: Instant,
    /// How long it may take, where that is known.
    patience: Option<Duration>,
}

/// A member's thread.
struct Worker<'b> {
    id: MemberId,
    books: &'b Books<'b>,
    sender: &'b mpsc::Sender<TileEvent>,
    patience: Duration,
    flights: VecDeque<Flight>,
    track: Option<Track<'b>>,
    /// Runs that were settled.
    settled: usize,
    /// How often members had been asked to fold by when it last did.
    folds_seen: u32,
    /// The claim that the session is asked about, and whether its results are on their way to the host.
    at_work: Option<crate::schedule::ClaimId>,
    is_settling: bool,
}

/// What a member does next.
enum Next {
    Start(Flight),
    /// There is nothing to claim for now: settle what is under way.
    Settle,
    Fold,
    Done,
}

impl Worker<'_> {
    /// Claims and computes until everything is committed.
    fn work(&mut self, session: &mut dyn Session) -> Result<()> {
        // It may have less memory than its plan said.
        self.books.state().ledger.limit(self.id, session.most_units(), session.depth() as u32);
        loop {
            match self.next() {
                Next::Start(flight) => {
                    self.at_work = Some(flight.claim.id);
                    session.start(flight.claim.units.clone())?;
                    self.at_work = None;
                    self.flights.push_back(flight);
                    if self.flights.len() >= session.depth() {
                        self.settle(session)?;
                    }
                }
                Next::Settle => self.settle(session)?,
                Next::Fold => self.fold(session)?,
                Next::Done => return self.drop_rest(session),
            }
        }
    }

    /// Waits for what is under way and does not count any more.
    fn drop_rest(&mut self, session: &mut dyn Session) -> Result<()> {
        while let Some(flight) = self.flights.pop_front() {
            session.land(flight.patience)?;
            session.settle(&[])?;
        }
        Ok(())
    }

    /// Asks the ledger, and waits where it says so and nothing is under way here.
    fn next(&self) -> Next {
        let mut state = self.books.state();
        loop {
            if state.is_over {
                return Next::Done;
            }
            if self.books.folds_asked() != self.folds_seen {
                return if self.flights.is_empty() { Next::Fold } else { Next::Settle };
            }
            let now = self.books.now();
            let until = match state.ledger.claim(self.id, now) {
                Answer::Claim(claim) => {
                    let expected = claim.due.map(|due| HUNG * due.saturating_sub(now));
                    let patience = expected.map(|expected| expected.max(self.patience));
                    return Next::Start(Flight { claim, began: Instant::now(), patience });
                }
                _ if !self.flights.is_empty() => return Next::Settle,
                Answer::Finished | Answer::Dismissed => return Next::Done,
                Answer::Fold => return Next::Fold,
                Answer::Wait(until) => until,
            };
            let _waiting = span(self.track, Activity::Wait);
            let patience = until.map_or(LONG, |until| until.saturating_sub(now).clamp(SHORT, LONG));
            state = self.books.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sees the oldest run land, and commits it.
    fn settle(&mut self, session: &mut dyn Session) -> Result<()> {
        let Some(Flight { claim, began, patience }) = self.flights.pop_front() else { return Ok(()) };
        self.at_work = Some(claim.id);
        session.land(patience)?;
        let landing = self.books.state().ledger.landed(claim.id, self.books.now());
        self.is_settling = landing != Landing::Discard;
        match landing {
            Landing::Commit(ranges) => {
                session.settle(&ranges)?;
                self.tell(ranges, |ledger| {
                    ledger.committed(claim.id);
                });
            }
            // What follows the grid is written where it belongs; what is merged stays here.
            Landing::Hold => session.settle(std::slice::from_ref(&claim.units))?,
            Landing::Discard => session.settle(&[])?,
        }
        (self.at_work, self.is_settling) = (None, false);
        if let Some(track) = self.track {
            track.settled(self.settled % session.depth(), began, claim.units);
        }
        self.settled += 1;
        self.books.changed.notify_all();
        Ok(())
    }

    /// Folds the copy of merged bindings in, which commits all that is held in it.
    fn fold(&mut self, session: &mut dyn Session) -> Result<()> {
        self.folds_seen = self.books.folds_asked();
        let _folding = self.books.is_kept.then(|| self.books.folding());
        let units = self.books.state().ledger.fold(self.id);
        if units.is_empty() {
            return Ok(());
        }
        session.fold()?;
        self.tell(units, |ledger| ledger.folded(self.id));
        Ok(())
    }

    /// Has units count as done, and tells of it.
    fn tell(&self, units: Vec<Range<u32>>, commit: impl FnOnce(&mut Ledger)) {
        let mut state = self.books.state();
        commit(&mut state.ledger);
        if self.books.is_kept {
            state.landed.extend(units);
        }
        let (tile, units_done, units) = (state.tiles, state.ledger.committed_units(), state.ledger.units());
        state.tiles += 1;
        // Sent under the lock, so that events come in the order of commit. Nobody may be listening any more.
        let _ = self.sender.send(TileEvent { tile, tiles: tile + 1, units_done, units });
        drop(state);
        self.books.changed.notify_all();
    }
}
