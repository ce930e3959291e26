//! Runs of a chain that is built.

use std::{
    fmt,
    ops::RangeInclusive,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use super::{
    ChainPlan, ChainReport, Input, Output, Value,
    checkpoint::Keeper,
    exchange,
    record::{Done, Patch, Role, refuse},
    several::Several,
    slot::scalars,
    turns::Turns,
};
use crate::{
    buffer::short_name,
    call::UniformValue,
    cost::Task,
    device::{Device, Devices},
    error::{Error, Result},
    exec::{
        Allocation, CancelToken, Download, Ready,
        stop::{Armed, LeftBehind, Stop},
    },
    journal::CheckpointEvery,
};

/// A chain that is built: its kernels are compiled and its memory is made. Clones are the same chain.
///
/// Runs of one chain take turns, for they use the same memory.
#[derive(Clone)]
pub struct Chain {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub id: u64,
    pub plan: ChainPlan,
    pub home: Home,
    /// Time spent compiling.
    pub compile: Duration,
    pub ports: Vec<Port>,
    pub breaks: Vec<Break>,
    /// The most rounds of each `repeat_until`.
    pub repeats: Vec<usize>,
    /// The scalars of each value where a run does not say otherwise, and where they stand in the uniforms.
    pub values: Vec<Vec<u64>>,
    pub patches: Vec<Patch>,
    pub state: Mutex<State>,
}

/// Where a chain runs.
pub(super) enum Home {
    One(One),
    /// Its branches are spread.
    Several(Several),
}

/// A chain on one device.
pub(super) struct One {
    pub device: Device,
    /// Whom to tell what runs take, if anybody learns from it.
    pub learning: Option<Learning>,
    pub ready: Ready,
    pub steps: usize,
    /// How many of them come before those that the builder was told.
    pub skip: usize,
    /// The memory of the chain itself.
    pub own: Vec<Arc<dyn Allocation>>,
    /// What a stored state belongs to, and what is in it.
    pub recipe: u128,
    pub lives: Vec<Live>,
}

impl One {
    /// Of the first steps, those that the builder was told.
    pub fn calls_before(&self, step: usize) -> usize {
        step.saturating_sub(self.skip)
    }
}

/// Who learns from a chain's runs, and by which name.
pub(super) struct Learning {
    pub devices: Devices,
    pub task: Task,
    pub name: String,
}

/// What changes from run to run.
pub(super) struct State {
    pub uniforms: Vec<u32>,
    /// Whether each device may have other uniforms than these.
    pub changed: Vec<bool>,
}

/// A slot as runs see it: the buffers that it starts in and ends in; on several devices, the memories.
pub(super) struct Port {
    pub role: Role,
    pub label: String,
    pub elements: usize,
    pub element_name: &'static str,
    pub from: usize,
    pub to: usize,
}

/// A place where a run looks whether a loop is done.
pub(super) struct Break {
    /// Before the step of this number.
    pub at: usize,
    pub buffer: usize,
    pub bytes: usize,
    pub done: Done,
    pub repeat: usize,
    pub rounds: usize,
    /// Where the run goes on if so: the next step, and the next break.
    pub exit: (usize, usize),
}

/// A slot's memory, and between which steps it holds something that is used.
pub(super) struct Live {
    pub memory: u32,
    pub buffer: usize,
    pub bytes: u64,
    /// It is needed in front of the steps of these numbers.
    pub steps: RangeInclusive<usize>,
}

impl Chain {
    /// Runs the chain: uploads the inputs, makes all calls, and downloads the outputs.
    ///
    /// Every input must be given, by [`Slot::from`](super::Slot::from) or [`Slot::update`](super::Slot::update). An output
    /// that is not asked for stays on the device.
    ///
    /// # Errors
    ///
    /// Before anything runs: [`Error::Call`] for slots of other chains, wrong lengths and what is missing or given twice,
    /// [`Error::Busy`] where the device still runs what was given up. After that [`Error::OutOfMemory`],
    /// [`Error::Device`], [`Error::Deadline`] and [`Error::Cancelled`]: outputs and resident buffers are then initialised
    /// but unspecified. The chain can be run again.
    pub fn run<'a>(
        &self,
        inputs: impl IntoIterator<Item = Input<'a>>,
        outputs: impl IntoIterator<Item = Output<'a>>,
    ) -> Result<ChainReport> {
        self.start().run(inputs, outputs)
    }

    /// Starts a run for which `value` (see [`ChainBuilder::value`](super::ChainBuilder::value)) is `now`.
    pub fn value<T: UniformValue>(&self, value: Value<T>, now: T) -> ChainRun<'_> {
        self.start().value(value, now)
    }

    /// Starts a run that may take this long, transfers included, and then ends with [`Error::Deadline`]; see
    /// [`Call::deadline`](crate::Call::deadline). A GPU is looked after between dispatches; a single one that never ends
    /// keeps it.
    pub fn deadline(&self, limit: Duration) -> ChainRun<'_> {
        self.start().deadline(limit)
    }

    /// Starts a run that `token` can end, with [`Error::Cancelled`].
    pub fn cancel(&self, token: &CancelToken) -> ChainRun<'_> {
        self.start().cancel(token)
    }

    /// Starts a run whose state is stored on disk now and then, so that the same run goes on from there after the process was
    /// killed, or was stopped by a [deadline](Chain::deadline), a [token](Chain::cancel) or an error. `every` is a number of
    /// calls, a [`Duration`], or another [`CheckpointEvery`]. Once the run is done, the same run gives the results without
    /// running anything, until the file is removed.
    ///
    /// The run is the same if the chain's calls, kernels and slots, the values, the inputs' contents and the device are; else
    /// it is refused. Closures of [`repeat_until`](super::ChainBuilder::repeat_until) are not compared. `path` names the
    /// record; a file beside it, `path` with `.data` behind it, holds two states in turn, each as large as what the slots hold
    /// that is still needed. Resident buffers are not recorded, and chains with them refused.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("swath-doc-chain-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("steps.checkpoint");
    /// # let rt = swath::Runtime::cpu()?;
    /// # let module = rt.module(
    /// #     "@group(0) @binding(0) var<storage, read_write> state: array<u32>;
    /// #      @compute @workgroup_size(64) fn step(@builtin(global_invocation_id) id: vec3u) {
    /// #          if id.x < arrayLength(&state) { state[id.x] = 3u * state[id.x] + 1u; }
    /// #      }",
    /// # )?;
    /// # let step = module.kernel("step")?;
    /// let mut chain = rt.chain();
    /// let state = chain.in_out::<u32>(2);
    /// chain.repeat(10, |_, chain| {
    ///     chain.call(&step).bind("state", state).grid([2]);
    /// });
    /// let chain = chain.build()?;
    ///
    /// for resumed in [0, 10] {
    ///     let mut data = [0, 1];
    ///     let report = chain.checkpoint(&path, 4).run([], [state.update(&mut data)])?;
    ///     assert_eq!((data, report.resumed_calls()), ([29524, 88573], resumed));
    /// }
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkpoint(&self, path: impl Into<PathBuf>, every: impl Into<CheckpointEvery>) -> ChainRun<'_> {
        self.start().checkpoint(path, every)
    }

    fn start(&self) -> ChainRun<'_> {
        ChainRun { chain: self, values: Vec::new(), deadline: None, tokens: Vec::new(), checkpoint: None, error: None }
    }

    /// The device that it runs on; of several, the first.
    pub fn device(&self) -> &Device {
        match &self.inner.home {
            Home::One(one) => &one.device,
            Home::Several(several) => several.first(),
        }
    }

    /// The devices that it runs on: several where its branches are spread.
    pub fn devices(&self) -> Vec<Device> {
        match &self.inner.home {
            Home::One(one) => vec![one.device.clone()],
            Home::Several(several) => several.members.iter().map(|member| member.device.clone()).collect(),
        }
    }

    /// Time spent compiling when it was built; zero where all kernels were at hand.
    pub fn compile_time(&self) -> Duration {
        self.inner.compile
    }

    /// What was planned: the calls, the memory, and what shares it.
    pub fn plan(&self) -> &ChainPlan {
        &self.inner.plan
    }

    /// Fills the chain's own memory with `byte`, so that tests can tell what relies on what was never promised.
    #[doc(hidden)]
    pub fn poison(&self, byte: u8) -> Result<()> {
        let _state = self.inner.lock(None)?;
        let own: Vec<_> = match &self.inner.home {
            Home::One(one) => one.own.iter().collect(),
            Home::Several(several) => several.members.iter().flat_map(|member| &member.own).collect(),
        };
        own.iter().try_for_each(|memory| memory.fill(&[byte; 4]))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.plan.fmt(f)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("devices", &self.devices()).finish_non_exhaustive()
    }
}

/// A run that is being put together, and then [`run`](ChainRun::run).
#[must_use = "a run does nothing until it is run"]
pub struct ChainRun<'c> {
    chain: &'c Chain,
    /// The scalars of the values that this run chooses.
    values: Vec<(usize, Vec<u64>)>,
    deadline: Option<Duration>,
    tokens: Vec<CancelToken>,
    checkpoint: Option<(PathBuf, CheckpointEvery)>,
    error: Option<Error>,
}

impl ChainRun<'_> {
    /// As [`Chain::value`].
    pub fn value<T: UniformValue>(mut self, value: Value<T>, now: T) -> Self {
        if value.chain == self.chain.inner.id {
            self.values.push((value.number, scalars(&now)));
        } else {
            let help = "use the values that this chain's builder made";
            self.error.get_or_insert_with(|| refuse("a value belongs to another chain", help));
        }
        self
    }

    /// As [`Chain::deadline`].
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// As [`Chain::cancel`]. Given several tokens, each of them can end the run.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.tokens.push(token.clone());
        self
    }

    /// As [`Chain::checkpoint`].
    pub fn checkpoint(mut self, path: impl Into<PathBuf>, every: impl Into<CheckpointEvery>) -> Self {
        self.checkpoint = Some((path.into(), every.into()));
        self
    }

    /// As [`Chain::run`].
    ///
    /// # Errors
    ///
    /// Those of [`Chain::run`]; with a checkpoint also [`Error::Call`] where it is that of another run, damaged or in use, and
    /// [`Error::Io`] where it cannot be read or written: what was stored before stays good.
    pub fn run<'a>(
        self,
        inputs: impl IntoIterator<Item = Input<'a>>,
        outputs: impl IntoIterator<Item = Output<'a>>,
    ) -> Result<ChainReport> {
        let start = Instant::now();
        if let Some(error) = self.error {
            return Err(error);
        }
        let inner = &*self.chain.inner;
        let data = inner.bind(inputs, outputs)?;
        let armed = Armed::new(None, start, self.deadline, self.tokens)?;
        let stop = armed.as_ref().map(|armed| &**armed.stop());
        if let Some(stop) = stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Nothing));
        }
        let mut state = inner.lock(stop)?;
        state.choose(inner, &self.values);
        let one = match (&inner.home, &self.checkpoint) {
            (Home::One(one), _) => one,
            (Home::Several(several), None) => {
                let report = ChainReport::new(several.first().clone(), inner.repeats.clone());
                let mut report = exchange::run(several, report, &mut state, data, stop)?;
                report.total = start.elapsed();
                return Ok(report);
            }
            (Home::Several(_), Some(_)) => {
                let problem = "a checkpoint stores what one device holds, and the chain runs on several";
                return Err(refuse(problem, "choose one with chain.device(..), or leave the checkpoint out"));
            }
        };
        // What it waited for other runs does not count.
        let begin = Instant::now();
        let keeper = match &self.checkpoint {
            Some((path, every)) => Some(Keeper::open((inner, one), &state, &data, path, *every)?),
            None => None,
        };
        // What was stored and what was not run says nothing of the device.
        let learning = one.learning.as_ref().filter(|_| keeper.is_none());
        let mut report = Turns::new((inner, one), &mut state, data, stop, keeper).run()?;
        let end = Instant::now();
        report.total = end.duration_since(start);
        if let Some(Learning { devices, task, name }) = learning {
            devices.tell_of(task, name, &one.device, end.duration_since(begin).as_secs_f64());
        }
        Ok(report)
    }
}

impl fmt::Debug for ChainRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainRun").field("chain", self.chain).finish_non_exhaustive()
    }
}

/// The data of a run, by the buffers it goes to and comes from.
#[derive(Default)]
pub(super) struct Data<'a> {
    pub inputs: Vec<(usize, &'a [u8])>,
    pub outputs: Vec<Download<'a>>,
}

impl Inner {
    /// Waits for the runs before; not beyond the stop.
    fn lock(&self, stop: Option<&Stop>) -> Result<MutexGuard<'_, State>> {
        let Some(stop) = stop else { return Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner)) };
        stop.wait_for(|| match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }

    /// Checks what a run is given.
    fn bind<'a>(
        &self,
        inputs: impl IntoIterator<Item = Input<'a>>,
        outputs: impl IntoIterator<Item = Output<'a>>,
    ) -> Result<Data<'a>> {
        let mut data = Data::default();
        let mut given = vec![false; self.ports.len()];
        let mut taken = vec![false; self.ports.len()];
        for Input { chain, slot, bytes, elements } in inputs {
            let port = self.port(chain, slot, elements)?;
            if !port.role.is_given() {
                let help = "make the slot with chain.input or chain.in_out";
                return Err(refuse(format!("{} is given data, and is not an input", port.label), help));
            }
            once(&mut given, slot, &port.label)?;
            data.inputs.push((port.from, bytes));
        }
        for Output { chain, slot, bytes, elements, upload } in outputs {
            let port = self.port(chain, slot, elements)?;
            if !port.role.is_taken() {
                let help = "make the slot with chain.output or chain.in_out";
                return Err(refuse(format!("{} is asked for, and is not an output", port.label), help));
            }
            if upload && port.role != Role::InOut {
                let help = "make the slot with chain.in_out, or take it with slot.into(..)";
                return Err(refuse(format!("{} is to be updated, and starts as zeros", port.label), help));
            }
            once(&mut taken, slot, &port.label)?;
            if upload {
                once(&mut given, slot, &port.label)?;
            }
            data.outputs.push(Download { buffer: port.to, data: bytes, upload: upload.then_some(port.from) });
        }
        let missing = self.ports.iter().zip(&given).find(|(port, given)| port.role.is_given() && !**given);
        match missing {
            Some((port, _)) => {
                let ty = short_name(port.element_name);
                let problem = format!("{} is not given: {} elements of {ty}", port.label, port.elements);
                Err(refuse(problem, "give every input to the run, with slot.from(&data) or slot.update(&mut data)"))
            }
            None => Ok(data),
        }
    }

    /// The slot, if it is one of this chain and so many elements fit it.
    fn port(&self, chain: u64, slot: usize, elements: usize) -> Result<&Port> {
        let Some(port) = self.ports.get(slot).filter(|_| chain == self.id) else {
            return Err(refuse("a slot belongs to another chain", "use the slots that this chain's builder made"));
        };
        if port.elements != elements {
            let ty = short_name(port.element_name);
            let problem = format!("{} has {} elements of {ty}, and was given {elements}", port.label, port.elements);
            return Err(refuse(problem, "give as many elements as the slot has, or build a chain of that length"));
        }
        Ok(port)
    }
}

/// Notes that a slot was given, for the first time.
fn once(given: &mut [bool], slot: usize, label: &str) -> Result<()> {
    if std::mem::replace(&mut given[slot], true) {
        return Err(refuse(format!("{label} is given twice"), "give every slot once"));
    }
    Ok(())
}

impl State {
    /// Sets all values to what this run chooses.
    fn choose(&mut self, chain: &Inner, chosen: &[(usize, Vec<u64>)]) {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.uniforms);
        for Patch { value, scalar, place } in &chain.patches {
            let own = chosen.iter().rev().find(|(number, _)| number == value).map(|(_, scalars)| scalars);
            let bits = own.unwrap_or(&chain.values[*value])[*scalar].to_le_bytes();
            let (now, bits) = (&mut bytes[place.clone()], &bits[..place.len()]);
            if *now != *bits {
                now.copy_from_slice(bits);
                self.changed.fill(true);
            }
        }
    }
}
