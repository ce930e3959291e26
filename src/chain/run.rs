//! Runs of a chain that is built.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use super::{
    ChainPlan, ChainReport, Input, Output, Value,
    record::{Done, Patch, Role, refuse},
    slot::scalars,
};
use crate::{
    buffer::short_name,
    call::UniformValue,
    cost::Task,
    device::{Device, Devices},
    error::{Error, Result},
    exec::{
        Allocation, CancelToken, Download, Ready, SequenceTurn,
        stop::{Armed, LeftBehind, Stop},
    },
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
    pub device: Device,
    /// Whom to tell what runs take, if anybody learns from it.
    pub learning: Option<Learning>,
    pub ready: Ready,
    /// Time spent compiling.
    pub compile: Duration,
    pub ports: Vec<Port>,
    pub breaks: Vec<Break>,
    /// The most rounds of each `repeat_until`.
    pub repeats: Vec<usize>,
    /// The scalars of each value where a run does not say otherwise, and where they stand in the uniforms.
    pub values: Vec<Vec<u32>>,
    pub patches: Vec<Patch>,
    pub steps: usize,
    /// The memory of the chain itself.
    pub own: Vec<Arc<dyn Allocation>>,
    pub state: Mutex<State>,
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
    /// Whether the device may have other uniforms than these.
    pub changed: bool,
}

/// A slot as runs see it: the buffers that it starts in and ends in.
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

    fn start(&self) -> ChainRun<'_> {
        ChainRun { chain: self, values: Vec::new(), deadline: None, tokens: Vec::new(), error: None }
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.inner.device
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
        self.inner.own.iter().try_for_each(|memory| memory.fill(&[byte; 4]))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.plan.fmt(f)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("device", &self.inner.device)
            .field("steps", &self.inner.steps)
            .finish_non_exhaustive()
    }
}

/// A run that is being put together, and then [`run`](ChainRun::run).
#[must_use = "a run does nothing until it is run"]
pub struct ChainRun<'c> {
    chain: &'c Chain,
    /// The scalars of the values that this run chooses.
    values: Vec<(usize, Vec<u32>)>,
    deadline: Option<Duration>,
    tokens: Vec<CancelToken>,
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

    /// As [`Chain::run`].
    ///
    /// # Errors
    ///
    /// Those of [`Chain::run`].
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
        // What it waited for other runs does not count.
        let begin = Instant::now();
        let mut report = inner.turns(&mut state, data, stop)?;
        let end = Instant::now();
        report.total = end.duration_since(start);
        if let Some(Learning { devices, task, name }) = &inner.learning {
            devices.tell_of(task, name, &inner.device, end.duration_since(begin).as_secs_f64());
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
struct Data<'a> {
    inputs: Vec<(usize, &'a [u8])>,
    outputs: Vec<Download<'a>>,
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

    /// Runs the chain from one check of a loop to the next.
    fn turns(&self, state: &mut State, data: Data<'_>, stop: Option<&Stop>) -> Result<ChainReport> {
        let Data { mut inputs, mut outputs } = data;
        let mut report = ChainReport::new(self.device.clone(), self.repeats.clone());
        let (mut at, mut next) = (0, 0);
        while let Some(check) = self.breaks.get(next) {
            let updated = outputs.iter_mut().filter_map(|output| Some((output.upload.take()?, &*output.data)));
            let uploads = inputs.drain(..).chain(updated).collect();
            let mut watched = vec![0; check.bytes];
            let look = Download { buffer: check.buffer, data: &mut watched, upload: None };
            self.turn(state, uploads, at..check.at, vec![look], stop, &mut report)?;
            (at, next) = (check.at, next + 1);
            if (check.done)(&watched) {
                report.rounds[check.repeat] = check.rounds;
                (at, next) = check.exit;
            }
        }
        self.turn(state, inputs, at..self.steps, outputs, stop, &mut report)?;
        Ok(report)
    }

    fn turn(
        &self,
        state: &mut State,
        uploads: Vec<(usize, &[u8])>,
        steps: Range<usize>,
        downloads: Vec<Download<'_>>,
        stop: Option<&Stop>,
        report: &mut ChainReport,
    ) -> Result<()> {
        let uniforms_changed = std::mem::replace(&mut state.changed, true);
        let turn = SequenceTurn { uploads, uniforms: &state.uniforms, uniforms_changed, steps, downloads, stop };
        let metrics = self.device.inner.backend.run_turn(&self.ready, turn)?;
        // Only now: after an error nobody knows what the device has.
        state.changed = false;
        report.add(&metrics);
        Ok(())
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
    fn choose(&mut self, chain: &Inner, chosen: &[(usize, Vec<u32>)]) {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.uniforms);
        for Patch { value, scalar, place } in &chain.patches {
            let own = chosen.iter().rev().find(|(number, _)| number == value).map(|(_, scalars)| scalars);
            let bits = own.unwrap_or(&chain.values[*value])[*scalar].to_le_bytes();
            let (now, bits) = (&mut bytes[place.clone()], &bits[..place.len()]);
            if *now != *bits {
                now.copy_from_slice(bits);
                self.changed = true;
            }
        }
    }
}
