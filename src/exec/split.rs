//! One launch on several devices: each has a thread, which claims runs of units from one ledger until all are done.
//!
//! What the kernel writes is [`HostMemory`]: a claim's results are brought there when it is committed, on a device that works
//! in place while it is held. Merged bindings are a copy for each member, which is folded in when nothing is left to claim.

use std::{
    any::Any,
    collections::VecDeque,
    io, mem,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use super::{
    ArgData, Backend, Launch, Metrics, Watcher,
    host::HostMemory,
    keep::{self, Keeping, Wanted},
    session::Session,
    stop::Stop,
    trace::{Activity, Track, span},
};
use crate::{
    access::{Merge, Verdict},
    error::{Error, Message, Result},
    journal::{Journal, Memory},
    kernel::Kernel,
    plan::{Plan, Residency, TileEvent},
    schedule::{Answer, Claim, Landing, Ledger, MemberId, MemberSpec, Share},
};

/// A device that takes part in a launch.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub backend: &'a dyn Backend,
    /// Of its own memory; the units are the same in all plans.
    pub plan: &'a Plan,
    /// Threads of the host that it leaves to the others.
    pub spare_threads: usize,
    /// Whether the caller asked for it by name: then it is given work wherever there is enough.
    pub is_listed: bool,
    /// Where it is recorded.
    pub track: Option<Track<'a>>,
}

/// A launch for several members.
pub(crate) struct SplitLaunch<'a> {
    pub kernel: &'a Kernel,
    /// One for each of [`Kernel::bindings`], in that order; none is resident.
    pub args: Vec<ArgData<'a>>,
    pub workgroups: [u32; 3],
    pub stop: Option<&'a Stop>,
    pub watcher: Option<&'a mut Watcher<'a>>,
    /// Where is recorded what is committed, and what was before.
    pub journal: Option<&'a mut Journal>,
}

/// What a member did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemberMetrics {
    pub metrics: Metrics,
    pub share: Share,
}

/// Data of a binding that all members see.
enum Host<'a> {
    Uniform(&'a [u8]),
    Read(&'a [u8]),
    Written(HostMemory<'a>),
    Merged(HostMemory<'a>, Merge),
}

impl<'a> Host<'a> {
    fn new(data: ArgData<'a>, verdict: Verdict) -> Result<Host<'a>> {
        Ok(match (data, verdict) {
            (ArgData::Uniform(bytes), _) => Host::Uniform(bytes),
            (ArgData::Read(bytes), _) => Host::Read(bytes),
            (ArgData::Write(bytes), Verdict::Merged(merge)) => Host::Merged(HostMemory::new(bytes), merge),
            (ArgData::Write(bytes), _) => Host::Written(HostMemory::new(bytes)),
            (ArgData::Resident(_) | ArgData::Shared(_) | ArgData::Merged(..), _) => {
                return Err(Error::Device(Message::new("a call with resident data was to be split")));
            }
        })
    }

    fn arg(&self) -> ArgData<'_> {
        match self {
            Host::Uniform(bytes) => ArgData::Uniform(bytes),
            Host::Read(bytes) => ArgData::Read(bytes),
            Host::Written(host) => ArgData::Shared(host),
            Host::Merged(host, merge) => ArgData::Merged(host, *merge),
        }
    }
}

/// The hosts of all bindings, for a journal.
struct Hosts<'h, 'a>(&'h [Host<'a>]);

impl Memory for Hosts<'_, '_> {
    fn read(&self, binding: usize, range: Range<u64>, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self.0.get(binding) {
            Some(Host::Written(host) | Host::Merged(host, _)) => take(&host.read(range)),
            _ => Ok(()),
        }
    }
}

/// Runs a launch on all members, and returns when its results are in the arguments; gives what each did.
///
/// # Errors
///
/// The first that a member meets; then no other claims anything more, and what is bound for writing is unspecified.
///
/// # Panics
///
/// If the watcher does, once all members have stopped.
pub(crate) fn run(launch: SplitLaunch<'_>, members: &[Member<'_>]) -> Result<Vec<MemberMetrics>> {
    let SplitLaunch { kernel, args, workgroups, stop, mut watcher, journal } = launch;
    let Some(first) = members.first() else {
        return Err(Error::NoDevice(kernel.message("no device is to run it")));
    };
    let verdicts = first.plan.bindings.iter().map(|binding| binding.verdict);
    let hosts =
        args.into_iter().zip(verdicts).map(|(arg, verdict)| Host::new(arg, verdict)).collect::<Result<Vec<_>>>()?;
    let is_merging = hosts.iter().any(|host| matches!(host, Host::Merged(..)));
    let resumed: Vec<_> = journal.iter().flat_map(|journal| journal.committed()).collect();
    let books = Books::new(first.plan.tiles.units(), members, is_merging, journal.is_some(), &resumed)?;
    if !resumed.is_empty() {
        books.tell_resumed(&resumed, &mut watcher, first.track);
    }
    if books.state().ledger.is_finished() {
        return Ok(vec![MemberMetrics::default(); members.len()]);
    }
    let keeping =
        journal.map(|journal| Keeping { kernel, plan: first.plan, journal, track: first.track, start: books.start });
    let (sender, events) = mpsc::channel();
    let mut panicked = None;
    let results: Vec<Result<Metrics>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(members)
            .map(|(number, member)| {
                let (hosts, books, sender) = (&hosts, &books, sender.clone());
                let thread = thread::Builder::new().name(format!("swath-member-{number}"));
                let spawned = thread.spawn_scoped(scope, move || {
                    let args = hosts.iter().map(Host::arg).collect();
                    let launch = Launch {
                        kernel,
                        args,
                        workgroups,
                        stop,
                        spare_threads: member.spare_threads,
                        plan: Some(member.plan),
                        track: member.track,
                        watcher: None,
                    };
                    let mut worker = Worker {
                        id: MemberId(number),
                        books,
                        sender,
                        flights: VecDeque::new(),
                        track: member.track,
                        settled: 0,
                        folds_seen: 0,
                    };
                    let serve = || member.backend.serve(launch, member.plan, &mut |session| worker.work(session));
                    let result = panic::catch_unwind(AssertUnwindSafe(serve))
                        .unwrap_or_else(|_| Err(Error::Device(kernel.message("a thread that feeds a device failed"))));
                    books.leave(MemberId(number), result.as_ref().err());
                    result
                });
                spawned.map_err(|error| {
                    let message = kernel.message(format!("the system starts no thread to feed a device: {error}"));
                    let error = Error::Device(message.help("ask for fewer devices"));
                    // Or the others would wait for it to take what is kept for it.
                    books.leave(MemberId(number), Some(&error));
                    error
                })
            })
            .collect();
        drop(sender);
        panicked = tell(&events, watcher, &books, keeping, &Hosts(&hosts));
        let join = |thread: Result<ScopedJoinHandle<'_, Result<Metrics>>>| {
            thread?.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    if let Some(panic) = panicked {
        panic::resume_unwind(panic);
    }
    books.into_result(results)
}

/// Hands events on to the watcher until all members are done, and keeps the journal meanwhile; gives what the watcher panics
/// with, which ends the launch.
fn tell(
    events: &mpsc::Receiver<TileEvent>,
    mut watcher: Option<&mut Watcher<'_>>,
    books: &Books,
    mut keeping: Option<Keeping<'_>>,
    memory: &dyn Memory,
) -> Option<Box<dyn Any + Send>> {
    loop {
        let event = match books.keep(&mut keeping, memory, false) {
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(patience) => events.recv_timeout(patience),
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let Some(tell) = watcher.as_mut() else { continue };
        if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| tell(event))) {
            books.end();
            return Some(panic);
        }
    }
    books.keep(&mut keeping, memory, true);
    None
}

/// The ledger, and what the members know of each other.
struct Books {
    state: Mutex<State>,
    changed: Condvar,
    start: Instant,
    /// Whether a journal is kept.
    is_kept: bool,
    is_merging: bool,
    /// Held by whoever folds a copy in, and by whoever records what is merged: so that the memory has all units that landed,
    /// and no others.
    folding: Mutex<()>,
    /// How often all members were asked to fold.
    folds_asked: AtomicU32,
}

struct State {
    ledger: Ledger,
    /// The first error.
    error: Option<Error>,
    /// Nobody is to claim anything more.
    is_over: bool,
    /// Claims that were committed.
    tiles: u32,
    /// Units that were, since the journal was last told.
    landed: Vec<Range<u32>>,
}

impl Books {
    fn new(
        units: u32,
        members: &[Member<'_>],
        is_merging: bool,
        is_kept: bool,
        committed: &[Range<u32>],
    ) -> Result<Books> {
        // A unit is kept for each member that was asked for by name, and there have to be so many.
        let done: u32 = committed.iter().map(|units| units.end.saturating_sub(units.start)).sum();
        let is_enough = units.saturating_sub(done) as usize >= members.len();
        let specs = members.iter().map(|member| {
            let is_host = member.plan.bindings.iter().any(|binding| binding.residency == Residency::Host);
            MemberSpec {
                most: member.plan.tiles.units_per_tile(),
                depth: if is_host { 1 } else { 2 },
                in_place: is_host,
                is_listed: member.is_listed && is_enough,
                ..MemberSpec::default()
            }
        });
        let ledger = Ledger::new(units, specs.collect());
        let ledger = if is_merging { ledger.merging() } else { ledger };
        let ledger = ledger.resume(committed).map_err(|range| keep::misfit(&range))?;
        let state = State { ledger, error: None, is_over: false, tiles: 0, landed: Vec::new() };
        Ok(Books {
            state: Mutex::new(state),
            changed: Condvar::new(),
            start: Instant::now(),
            is_kept,
            is_merging,
            folding: Mutex::default(),
            folds_asked: AtomicU32::new(0),
        })
    }

    /// Tells the watcher and the trace what an earlier run has done.
    fn tell_resumed(&self, units: &[Range<u32>], watcher: &mut Option<&mut Watcher<'_>>, track: Option<Track<'_>>) {
        let mut state = self.state();
        state.tiles = 1;
        let event =
            TileEvent { tile: 0, tiles: 1, units_done: state.ledger.committed_units(), units: state.ledger.units() };
        drop(state);
        if let Some(track) = track {
            units.iter().for_each(|units| track.resumed(units.clone()));
        }
        if let Some(watcher) = watcher.as_mut() {
            watcher(event);
        }
    }

    /// Has the journal kept, if there is one; gives how long it may be left alone. Its failure ends the launch.
    fn keep(&self, keeping: &mut Option<Keeping<'_>>, memory: &dyn Memory, is_last: bool) -> Option<Duration> {
        let kept = keeping.as_mut()?;
        let _folding = self.is_merging.then(|| self.folding());
        let landed = mem::take(&mut self.state().landed);
        match kept.tend(landed, memory, is_last) {
            Ok(Wanted::Time(time)) => Some(time.max(SHORT)),
            Ok(Wanted::Folds) => {
                self.folds_asked.fetch_add(1, Ordering::Relaxed);
                self.changed.notify_all();
                Some(LONG)
            }
            Err(error) => {
                self.state().error.get_or_insert(error);
                *keeping = None;
                self.end();
                None
            }
        }
    }

    fn folding(&self) -> MutexGuard<'_, ()> {
        self.folding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Has nobody claim anything more.
    fn end(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    /// A member does nothing any more. An error ends the launch.
    fn leave(&self, member: MemberId, error: Option<&Error>) {
        let mut state = self.state();
        if let Some(error) = error {
            let now = self.now();
            state.ledger.lose(member, now);
            state.is_over = true;
            if state.error.is_none() {
                state.error = Some(error.clone());
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn into_result(self, results: Vec<Result<Metrics>>) -> Result<Vec<MemberMetrics>> {
        let now = self.start.elapsed();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        if !state.ledger.is_finished() {
            return Err(Error::Device(Message::new("the devices stopped before all of a call was done")));
        }
        let share = |number| state.ledger.share(MemberId(number), now);
        let metrics = (0..).zip(results);
        metrics.map(|(number, metrics)| Ok(MemberMetrics { metrics: metrics?, share: share(number) })).collect()
    }
}

/// A member's thread.
struct Worker<'b> {
    id: MemberId,
    books: &'b Books,
    sender: mpsc::Sender<TileEvent>,
    /// What its session has started and not settled, and since when.
    flights: VecDeque<(Claim, Instant)>,
    track: Option<Track<'b>>,
    /// Runs that were settled.
    settled: usize,
    /// How often it was asked to fold by when it last did.
    folds_seen: u32,
}

/// What a member does next.
enum Next {
    Start(Claim),
    /// There is nothing to claim for now: settle what is under way.
    Settle,
    Fold,
    Done,
}

impl Worker<'_> {
    /// Claims and computes until everything is committed.
    fn work(&mut self, session: &mut dyn Session) -> Result<()> {
        // It may have less memory than its plan said.
        self.books.state().ledger.limit(self.id, session.most_units());
        loop {
            match self.next() {
                Next::Start(claim) => {
                    let now = Instant::now();
                    session.start(claim.units.clone())?;
                    self.flights.push_back((claim, now));
                    if self.flights.len() >= session.depth() {
                        self.settle(session)?;
                    }
                }
                Next::Settle => self.settle(session)?,
                Next::Fold => self.fold(session)?,
                Next::Done => {
                    while !self.flights.is_empty() {
                        session.land()?;
                        session.settle(&[])?;
                        self.flights.pop_front();
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Asks the ledger, and waits where it says so and nothing is under way here.
    fn next(&self) -> Next {
        let mut state = self.books.state();
        loop {
            if state.is_over {
                return Next::Done;
            }
            if self.books.folds_asked.load(Ordering::Relaxed) != self.folds_seen {
                return if self.flights.is_empty() { Next::Fold } else { Next::Settle };
            }
            let now = self.books.now();
            let until = match state.ledger.claim(self.id, now) {
                Answer::Claim(claim) => return Next::Start(claim),
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
        session.land()?;
        let Some((claim, began)) = self.flights.pop_front() else { return Ok(()) };
        let landing = self.books.state().ledger.landed(claim.id, self.books.now());
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
        if let Some(track) = self.track {
            track.settled(self.settled % session.depth(), began, claim.units);
        }
        self.settled += 1;
        self.books.changed.notify_all();
        Ok(())
    }

    /// Folds the copy of merged bindings in, which commits all that is held in it.
    fn fold(&mut self, session: &mut dyn Session) -> Result<()> {
        self.folds_seen = self.books.folds_asked.load(Ordering::Relaxed);
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

/// The shortest and the longest wait before the ledger is asked again.
const SHORT: Duration = Duration::from_micros(20);
const LONG: Duration = Duration::from_millis(100);
