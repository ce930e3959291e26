//! One launch on several devices: each has a thread, which claims runs of units from one ledger until all are done.
//!
//! What the kernel writes is [`HostMemory`]: a claim's results are brought there when it is committed, on a device that works
//! in place while it is held. Merged bindings are a copy for each member, which is folded in when nothing is left to claim.
//!
//! A session that fails is closed, and what it had in flight is free again, for its own member's next session or for others
//! ([`FaultClass`](super::fault::FaultClass)). Where no member is left, the spare one is called in.

mod books;
mod worker;

use std::{
    any::Any,
    io,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use super::{
    ArgData, Backend, Metrics, Watcher,
    fault::Fault,
    host::{HostMemory, HostSlice},
    keep::Keeping,
    stop::Stop,
    trace::Track,
};
use crate::{
    access::{Merge, Verdict},
    error::{Error, Message, Result},
    journal::{Journal, Memory},
    kernel::Kernel,
    plan::{Plan, TileEvent},
    schedule::{MemberId, Share},
};
use books::Books;
use worker::{Work, serve};

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
    /// Units per second, where that was seen in earlier calls.
    pub rate: Option<f64>,
    /// Where it is recorded.
    pub track: Option<Track<'a>>,
    /// Whether it is to find loops that it cuts short.
    pub watches_loops: bool,
}

/// A launch for several members.
pub(crate) struct SplitLaunch<'a> {
    pub kernel: &'a Kernel,
    /// One for each of [`Kernel::bindings`], in that order; none is resident.
    pub args: Vec<ArgData<'a>>,
    pub workgroups: [u32; 3],
    pub stop: Option<&'a Stop>,
    /// Whether it runs in the workgroups that its author wrote.
    pub is_exact: bool,
    pub watcher: Option<&'a mut Watcher<'a>>,
    /// Where is recorded what is committed, and what was before.
    pub journal: Option<&'a mut Journal>,
    /// Who takes the rest when all members are out.
    pub spare: Option<Member<'a>>,
    /// The shortest time after which a claim may count as hung.
    pub patience: Duration,
}

/// A claim counts as hung after so many times what it was expected to take.
pub(crate) const HUNG: u32 = 20;

/// What a claim may take at least before it counts as hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What came of a launch.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What each member did; the spare one is the last, if it was called in.
    pub members: Vec<MemberMetrics>,
    /// What failed meanwhile, in order.
    pub faults: Vec<Fault>,
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
    ReadSlice(HostSlice<'a>),
    Written(HostMemory<'a>),
    Merged(HostMemory<'a>, Merge),
}

impl<'a> Host<'a> {
    fn new(data: ArgData<'a>, verdict: Verdict) -> Result<Host<'a>> {
        Ok(match (data, verdict) {
            (ArgData::Uniform(bytes), _) => Host::Uniform(bytes),
            (ArgData::Read(bytes), _) => Host::Read(bytes),
            (ArgData::ReadSlice(slice), _) => Host::ReadSlice(slice),
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
            Host::ReadSlice(slice) => ArgData::ReadSlice(*slice),
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

/// Runs a launch on all members, and returns when its results are in the arguments.
///
/// # Errors
///
/// Where the call is wrong or has to stop, where nobody is left who could go on, and where nobody can: a device failed while
/// its results were brought to the host, and the kernel reads what it writes. Then what is bound for writing is unspecified.
///
/// # Panics
///
/// If the watcher does, once all members have stopped.
pub(crate) fn run(launch: SplitLaunch<'_>, members: &[Member<'_>]) -> Result<Outcome> {
    let SplitLaunch { kernel, args, workgroups, stop, is_exact, mut watcher, journal, spare, patience } = launch;
    let Some(first) = members.first() else {
        return Err(Error::NoDevice(kernel.message("no device is to run it")));
    };
    let verdicts = first.plan.bindings.iter().map(|binding| binding.verdict);
    let hosts =
        args.into_iter().zip(verdicts).map(|(arg, verdict)| Host::new(arg, verdict)).collect::<Result<Vec<_>>>()?;
    let is_merging = hosts.iter().any(|host| matches!(host, Host::Merged(..)));
    let resumed: Option<Vec<_>> = journal.as_ref().map(|journal| journal.committed().collect());
    let books = Books::new(kernel, members, is_merging, resumed.as_deref())?;
    if let Some(resumed) = resumed.filter(|resumed| !resumed.is_empty()) {
        books.tell_resumed(&resumed, &mut watcher, first.track);
    }
    if books.state().ledger.is_finished() {
        return Ok(Outcome { members: vec![MemberMetrics::default(); members.len()], faults: Vec::new() });
    }
    let keeping =
        journal.map(|journal| Keeping { kernel, plan: first.plan, journal, track: first.track, start: books.start });
    let work = Work { kernel, hosts: &hosts, workgroups, stop, is_exact, patience, books: &books };
    let (sender, events) = mpsc::channel();
    let mut panicked = None;
    let metrics: Vec<(Metrics, Option<Metrics>)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(members)
            .map(|(number, member)| {
                let (sender, spare) = (sender.clone(), spare.as_ref());
                let thread = thread::Builder::new().name(format!("swath-member-{number}"));
                let spawned = thread.spawn_scoped(scope, move || {
                    let metrics = serve(work, member, MemberId(number), &sender);
                    let called = work.books.call_spare(spare).zip(spare);
                    (metrics, called.map(|(id, spare)| serve(work, spare, id, &sender)))
                });
                // Or the others would wait for it to take what is kept for it.
                spawned.map_err(|error| books.never_came(MemberId(number), &error)).ok()
            })
            .collect();
        drop(sender);
        panicked = tell(&events, watcher, &books, keeping, &Hosts(&hosts));
        let join = |thread: Option<ScopedJoinHandle<'_, _>>| {
            thread.map_or_else(Default::default, |thread| {
                thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
            })
        };
        threads.into_iter().map(join).collect()
    });
    if let Some(panic) = panicked {
        panic::resume_unwind(panic);
    }
    let spares = metrics.iter().filter_map(|(_, spare)| *spare);
    let all = metrics.iter().map(|(own, _)| *own).chain(spares).collect();
    books.into_outcome(all)
}

/// Hands events on to the watcher until all members are done, and keeps the journal meanwhile; gives what the watcher panics
/// with, which ends the launch.
fn tell(
    events: &mpsc::Receiver<TileEvent>,
    mut watcher: Option<&mut Watcher<'_>>,
    books: &Books<'_>,
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
