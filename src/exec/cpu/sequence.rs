//! Sequences on the CPU engine: one dispatch after another on memory that is locked once for a whole turn.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{CpuBackend, Executable, Guard, Shape, address, host, shared_mem::SharedMem, unaligned};
use crate::{
    error::{Error, Message, Result},
    exec::{
        Allocation, Dispatch, Download, Metrics, Sequence, SequenceArg, SequenceTurn, Step,
        stop::{LeftBehind, Stop},
    },
    kernel::{BindingKind, Kernel},
    plan::Part,
};

/// A sequence whose kernels are compiled.
pub(super) struct Prepared {
    buffers: Vec<Arc<dyn Allocation>>,
    /// For each buffer, whether any step writes it.
    written: Vec<bool>,
    dispatches: Vec<PreparedDispatch>,
    steps: Vec<Step>,
}

/// A dispatch and the code it runs.
pub(super) struct PreparedDispatch {
    /// For tests, which look at the dispatches that are run.
    #[cfg_attr(not(all(test, feature = "cli")), allow(dead_code))]
    pub kernel: Kernel,
    pub code: Arc<Executable>,
    pub workgroups: [u32; 3],
    pub args: Vec<SequenceArg>,
    /// The buffers it binds, each once, in ascending order.
    uses: Vec<Use>,
}

/// How a dispatch uses a buffer.
struct Use {
    buffer: usize,
    bytes: u64,
    written: bool,
    /// The bindings that it is bound to; several only where none writes.
    places: Vec<usize>,
}

impl Prepared {
    /// Compiles what is not compiled; gives the time that took.
    pub fn new(backend: &CpuBackend, sequence: Sequence) -> Result<(Prepared, Duration)> {
        let Sequence { buffers, uniforms: _, dispatches, steps } = sequence;
        let mut written = vec![false; buffers.len()];
        let mut compile = Duration::ZERO;
        let mut bound = Vec::with_capacity(dispatches.len());
        for Dispatch { kernel, args, workgroups } in dispatches {
            let (code, took) = backend.code(&kernel)?;
            let bytes = |at: usize| match *args.get(at)? {
                SequenceArg::Buffer { bytes, .. } => Some(bytes),
                SequenceArg::Uniform { bytes, .. } => Some(bytes as u64),
            };
            compile += took + code.make_ready(Part::whole(workgroups), Shape::Free, bytes);
            let uses = uses(&kernel, &args);
            uses.iter().for_each(|each| written[each.buffer] |= each.written);
            bound.push(PreparedDispatch { kernel, code, workgroups, args, uses });
        }
        for step in &steps {
            if let Step::Zero { buffer, .. } = step {
                written[*buffer as usize] = true;
            }
        }
        Ok((Prepared { buffers, written, dispatches: bound, steps }, compile))
    }

    /// Runs a turn; `run` runs a dispatch over the memory of its bindings, and says whether it was interpreted.
    pub fn run(
        &self,
        turn: SequenceTurn<'_>,
        mut run: impl FnMut(&PreparedDispatch, &[(SharedMem<'_>, u64)]) -> Result<bool>,
    ) -> Result<Metrics> {
        let stop = turn.stop;
        let uploaded: Vec<usize> = turn.all_uploads().map(|(buffer, _)| buffer).collect();
        let mut guards = self.lock(&uploaded, stop)?;
        let mut metrics = Metrics::default();
        for (buffer, data) in turn.all_uploads() {
            guards[buffer].bytes_mut()?[..data.len()].copy_from_slice(data);
            metrics.bytes_up += data.len() as u64;
        }
        let SequenceTurn { uniforms, steps, downloads, .. } = turn;
        let uniforms: &[u8] = bytemuck::cast_slice(uniforms);
        let start = Instant::now();
        for step in &self.steps[steps] {
            if let Some(stop) = stop.filter(|stop| stop.is_set()) {
                return Err(stop.error(LeftBehind::Unspecified));
            }
            match *step {
                Step::Zero { buffer, bytes } => guards[buffer as usize].bytes_mut()?[..bytes as usize].fill(0),
                Step::Dispatch(number) => {
                    let bound = &self.dispatches[number as usize];
                    metrics.interpreted |= run(bound, &bound.memory(&mut guards, uniforms)?)?;
                    metrics.dispatches += 1;
                }
            }
        }
        metrics.kernel = start.elapsed();
        for Download { buffer, data, .. } in downloads {
            data.copy_from_slice(&guards[buffer].bytes()[..data.len()]);
            metrics.bytes_down += data.len() as u64;
        }
        Ok(metrics)
    }

    /// Locks all buffers in the order of their addresses, lest two launches wait for each other.
    fn lock(&self, uploaded: &[usize], stop: Option<&Stop>) -> Result<Vec<Guard<'_>>> {
        let mut order = BTreeMap::new();
        for (number, buffer) in self.buffers.iter().enumerate() {
            let memory = host(buffer.as_ref())?;
            order.insert(address(memory), (number, memory));
        }
        let mut guards: Vec<Option<Guard<'_>>> = self.buffers.iter().map(|_| None).collect();
        for (number, memory) in order.into_values() {
            let write = self.written[number] || uploaded.contains(&number);
            guards[number] = Some(Guard::of(memory, write, stop)?);
        }
        guards.into_iter().map(|guard| guard.ok_or_else(|| defect("a buffer stands twice in a sequence"))).collect()
    }
}

fn uses(kernel: &Kernel, args: &[SequenceArg]) -> Vec<Use> {
    let mut uses: BTreeMap<usize, Use> = BTreeMap::new();
    for (place, (arg, binding)) in args.iter().zip(kernel.bindings()).enumerate() {
        let SequenceArg::Buffer { buffer, bytes } = *arg else { continue };
        let each = uses.entry(buffer).or_insert(Use { buffer, bytes, written: false, places: Vec::new() });
        each.written |= binding.kind == BindingKind::ReadWriteStorage;
        each.places.push(place);
    }
    uses.into_values().collect()
}

impl PreparedDispatch {
    /// The memory of each binding. What the dispatch does not write is plain memory to it, whatever other steps do.
    fn memory<'g>(&self, guards: &'g mut [Guard<'_>], uniforms: &'g [u8]) -> Result<Vec<(SharedMem<'g>, u64)>> {
        let nothing = SharedMem::fixed(bytemuck::cast_slice::<u32, u8>(&[])).ok_or_else(unaligned)?;
        let mut memory = vec![(nothing, 0); self.args.len()];
        for (place, arg) in self.args.iter().enumerate() {
            if let SequenceArg::Uniform { offset, bytes } = *arg {
                let part = SharedMem::fixed(&uniforms[offset..offset + bytes]).ok_or_else(unaligned)?;
                memory[place] = (part, bytes as u64);
            }
        }
        let (mut rest, mut first) = (guards, 0);
        for each in &self.uses {
            let (guard, behind) =
                rest[each.buffer - first..].split_first_mut().ok_or_else(|| defect("no such buffer"))?;
            (rest, first) = (behind, each.buffer + 1);
            let bytes = each.bytes as usize;
            let part = if each.written {
                SharedMem::racy(&mut guard.bytes_mut()?[..bytes]).ok()
            } else {
                SharedMem::fixed(&guard.bytes()[..bytes])
            };
            let part = part.ok_or_else(unaligned)?;
            each.places.iter().for_each(|&place| memory[place] = (part, each.bytes));
        }
        Ok(memory)
    }
}

impl Guard<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Guard::Read(memory) => memory.bytes(),
            Guard::Write(memory) => memory.bytes(),
        }
    }

    /// The bytes to be written, where the lock allows it.
    fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        match self {
            Guard::Read(_) => Err(defect("a buffer that a sequence writes is locked for reading")),
            Guard::Write(memory) => Ok(memory.bytes_mut()),
        }
    }
}

fn defect(what: &str) -> Error {
    Error::Device(Message::new(what).subject("CPU engine").help("this is a defect of swath"))
}
