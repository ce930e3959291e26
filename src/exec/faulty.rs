//! A device that fails by script, around any other: for tests of what is done about it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    Allocation, ArgData, Backend, Launch, Metrics, Ready, Sequence, SequenceTurn,
    session::{Body, Session},
};
use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
    kernel::{Kernel, Module},
    plan::{Plan, request::Capacity},
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The driver says that something failed.
    Error,
    /// The device vanishes: whatever is asked of it from then on fails.
    Lost,
    /// It does not answer, and takes nothing else.
    Hangs,
    OutOfMemory,
    /// The code that feeds it panics.
    Panics,
}

/// A fault at one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub kind: Kind,
    /// Whether the operation is done all the same.
    pub is_late: bool,
}

/// What is asked of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open,
    Start,
    Land,
    Settle,
    Fold,
    Close,
    Launch,
}

/// An operation, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub operation: Operation,
    /// Its number among all operations of the device.
    pub number: u32,
    /// How many runs its session has started, that of this operation included.
    pub run: u32,
}

/// What a device computes wrongly, and says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Every word that it brings back is one more than it should be.
    AddsOne,
    /// Switches do nothing in their 300th case.
    DropsCase,
    /// One of what is added up by atomics is lost.
    LosesAtomic,
}

/// Which operations fail, and how.
type Script = Box<dyn Fn(Asked) -> Option<Fault> + Send + Sync>;

/// A device some of whose operations fail.
pub(crate) struct Faulty {
    inner: Arc<dyn Backend>,
    script: Script,
    /// What it is, and what it computes wrongly, if it does: then it plays a GPU.
    lie: Option<(DeviceInfo, Lie)>,
    /// The most units that it takes in a run, whatever its plan says.
    room: u32,
    /// Time that a run takes at least.
    pace: Duration,
    operations: AtomicU32,
    is_lost: AtomicBool,
    is_busy: AtomicBool,
    /// The faults that came to pass.
    failed: Mutex<Vec<(Operation, Fault)>>,
    /// Sessions that are open.
    open: AtomicU32,
    /// What was settled.
    settled: Mutex<Vec<Range<u32>>>,
}

impl Faulty {
    /// One whose operations of these numbers fail, counted over all calls.
    pub fn new(inner: Arc<dyn Backend>, script: impl IntoIterator<Item = (u32, Fault)>) -> Faulty {
        let script: BTreeMap<u32, Fault> = script.into_iter().collect();
        Faulty::by(inner, move |asked| script.get(&asked.number).copied())
    }

    /// One whose operations fail as the script says.
    pub fn by(inner: Arc<dyn Backend>, script: impl Fn(Asked) -> Option<Fault> + Send + Sync + 'static) -> Faulty {
        Faulty {
            inner,
            script: Box::new(script),
            lie: None,
            room: u32::MAX,
            pace: Duration::ZERO,
            operations: AtomicU32::new(0),
            is_lost: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            failed: Mutex::default(),
            open: AtomicU32::new(0),
            settled: Mutex::default(),
        }
    }

    /// One that fails nowhere, plays a GPU, and gives wrong results in launches of its own.
    pub fn lying(inner: Arc<dyn Backend>, lie: Lie) -> Faulty {
        // What probes find is kept by driver.
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let info = DeviceInfo {
            name: "Lying".to_owned(),
            kind: DeviceKind::DiscreteGpu,
            driver: format!("{lie:?} {number}"),
            ..inner.info().clone()
        };
        Faulty { lie: Some((info, lie)), ..Faulty::new(inner, []) }
    }

    /// With room for so many units in a run.
    pub fn with_room(self, units: u32) -> Faulty {
        Faulty { room: units, ..self }
    }

    /// With runs that take so long at least.
    pub fn with_pace(self, pace: Duration) -> Faulty {
        Faulty { pace, ..self }
    }

    /// The units that it was told to settle.
    pub fn settled(&self) -> Vec<Range<u32>> {
        self.settled.lock().unwrap().clone()
    }

    /// How many operations there were.
    pub fn operations(&self) -> u32 {
        self.operations.load(Ordering::Relaxed)
    }

    /// The faults that came to pass.
    pub fn failed(&self) -> Vec<(Operation, Fault)> {
        self.failed.lock().unwrap().clone()
    }

    /// Sessions that were opened and not closed.
    pub fn open_sessions(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// Does an operation, unless it is one to fail.
    fn attempt<T>(
        &self,
        operation: Operation,
        run: u32,
        patience: Option<Duration>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(Error::DeviceLost(Message::new("the device was lost on purpose")));
        }
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(Error::Busy(Message::new("the device is busy on purpose")));
        }
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        let Some(fault) = (self.script)(Asked { operation, number, run }) else { return work() };
        self.failed.lock().unwrap().push((operation, fault));
        // What is folded in is folded in: no session fails after that.
        if fault.is_late && operation != Operation::Fold {
            work()?;
        }
        Err(match fault.kind {
            Kind::Error => Error::Device(Message::new("failed on purpose")),
            Kind::OutOfMemory => Error::OutOfMemory(Message::new("has no memory on purpose")),
            Kind::Panics => panic!("on purpose"),
            Kind::Lost => {
                self.is_lost.store(true, Ordering::Relaxed);
                Error::DeviceLost(Message::new("lost on purpose"))
            }
            Kind::Hangs => {
                self.is_busy.store(true, Ordering::Relaxed);
                thread::sleep(patience.unwrap_or_default());
                Error::Hung(Message::new("hangs on purpose"))
            }
        })
    }
}

struct FaultySession<'s> {
    inner: &'s mut dyn Session,
    device: &'s Faulty,
    runs: u32,
}

impl Session for FaultySession<'_> {
    fn most_units(&self) -> u32 {
        self.inner.most_units().min(self.device.room)
    }

    fn depth(&self) -> usize {
        self.inner.depth()
    }

    fn start(&mut self, units: Range<u32>) -> Result<()> {
        assert!(units.end - units.start <= self.most_units());
        self.runs += 1;
        self.device.attempt(Operation::Start, self.runs, None, || {
            thread::sleep(self.device.pace);
            self.inner.start(units)
        })
    }

    fn land(&mut self, patience: Option<Duration>) -> Result<()> {
        self.device.attempt(Operation::Land, self.runs, patience, || self.inner.land(patience))
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
        self.device.settled.lock().unwrap().extend_from_slice(units);
        self.device.attempt(Operation::Settle, self.runs, None, || self.inner.settle(units))
    }

    fn fold(&mut self) -> Result<()> {
        self.device.attempt(Operation::Fold, self.runs, None, || self.inner.fold())
    }
}

/// Counts an open session, however it ends.
struct Open<'d>(&'d AtomicU32);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lie {
    /// Launches as a device does that lies so.
    fn launch(self, inner: &dyn Backend, launch: Launch<'_>) -> Result<Metrics> {
        let Launch { kernel, mut args, workgroups, stop, .. } = launch;
        let other = if self == Lie::DropsCase { without_case(kernel) } else { None };
        let lent = args.iter_mut().map(|arg| match arg {
            ArgData::Uniform(bytes) => ArgData::Uniform(bytes),
            ArgData::Read(bytes) => ArgData::Read(bytes),
            ArgData::Write(bytes) => ArgData::Write(bytes),
            _ => panic!("a device that lies takes host data in one launch"),
        });
        let lent = Launch { stop, ..Launch::new(other.as_ref().unwrap_or(kernel), lent.collect(), workgroups) };
        let metrics = inner.launch(lent)?;
        for (binding, arg) in kernel.bindings().iter().zip(&mut args) {
            let ArgData::Write(bytes) = arg else { continue };
            let words: &mut [u32] = bytemuck::cast_slice_mut(bytes);
            match self {
                Lie::AddsOne => words.iter_mut().for_each(|word| *word = word.wrapping_add(1)),
                Lie::LosesAtomic if binding.type_name().contains("atomic") => {
                    words.iter_mut().find(|word| **word > 0).into_iter().for_each(|word| *word -= 1);
                }
                Lie::LosesAtomic | Lie::DropsCase => {}
            }
        }
        Ok(metrics)
    }
}

/// The kernel with the 300th case of its switch, counted in the text, for a value that it is never given.
fn without_case(kernel: &Kernel) -> Option<Kernel> {
    let text = kernel.inner.identity.source();
    let (at, case) = text.match_indices("case ").nth(299)?;
    let value = at + case.len();
    let text = format!("{}4000000{}", &text[..value], &text[value..]);
    Module::parse(&text).and_then(|module| module.kernel(kernel.name())).ok()
}

impl Backend for Faulty {
    fn info(&self) -> &DeviceInfo {
        self.lie.as_ref().map_or_else(|| self.inner.info(), |(info, _)| info)
    }

    fn computes(&self) -> bool {
        self.inner.computes()
    }

    fn keep_below(&self, bytes: Option<u64>) {
        self.inner.keep_below(bytes);
    }

    fn capacity(&self) -> Option<Capacity> {
        self.lie.as_ref().map_or_else(|| self.inner.capacity(), |(info, _)| Some(Capacity::of(info)))
    }

    fn supports(&self, kernel: &Kernel) -> Result<()> {
        self.inner.supports(kernel)
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        self.inner.prepare(kernel)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        self.inner.allocate(bytes, label)
    }

    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        self.attempt(Operation::Launch, 0, None, || match self.lie {
            Some((_, lie)) => lie.launch(&*self.inner, launch),
            None => self.inner.launch(launch),
        })
    }

    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
        self.attempt(Operation::Open, 0, None, || Ok(()))?;
        self.open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(&self.open);
        let mut faulty = |inner: &mut dyn Session| body(&mut FaultySession { inner, device: self, runs: 0 });
        let metrics = self.inner.serve(launch, plan, &mut faulty)?;
        self.attempt(Operation::Close, 0, None, || Ok(metrics))
    }

    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        self.inner.sequence(sequence)
    }

    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        self.inner.run_turn(ready, turn)
    }
}
