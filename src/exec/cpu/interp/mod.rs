//! The interpreter: each instruction is one loop over the lanes of a frame.
//!
//! A *frame* is up to some hundred lanes that run in step: a workgroup, or where workgroups share nothing, a piece of a
//! row of invocations across workgroups ([`grid`]). The IR is compiled once into a compact form
//! ([`compile`], [`code`]) that a [`machine`] walks for each frame. A value is kept in the cheapest shape that
//! describes all lanes (the same everywhere, growing evenly, ...), worked out as it is computed ([`shapes`]); only
//! the rest takes rows of lanes ([`frame`]) and vector loops ([`lanes`]). So uniform branches stay branches,
//! and most addresses turn out to be the same or consecutive in all lanes, which makes an access one
//! copy ([`memory`]).
//!
//! Lanes that are not active still compute, for every operation is total; stores, atomics, and the values that leave a
//! block respect the mask. A barrier needs nothing: all lanes of a workgroup run each instruction before the
//! next one.

mod atomics;
mod code;
mod compile;
mod frame;
mod grid;
mod half;
mod lanes;
mod machine;
mod mask;
mod memory;
#[cfg_attr(not(test), path = "no_record.rs")]
mod record;
mod select;
mod shapes;
mod subgroup;
mod units;
mod uses;
mod value;

#[cfg(test)]
mod tests;

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

pub(super) use code::Code;
pub(super) use compile::compile;
pub(super) use grid::Grid;
pub(super) use lanes::level;
pub(super) use machine::Scratch;
#[cfg(test)]
pub(super) use record::{Touched, record};
pub(super) use subgroup::SIZE as SUBGROUP_SIZE;

use super::{
    pool::{Claims, Team},
    shared_mem::SharedMem,
};
use crate::{
    error::{Error, Message, Result},
    exec::stop::{self, LeftBehind, Stop},
    plan::Part,
};
use atomics::Copies;
use code::MemoryLocation;
use lanes::OUTSIDE;
use machine::Machine;
use memory::Memories;
use record::Recorder;

/// Lanes times instructions that are worth a second thread.
const WORTH_A_THREAD: u64 = 1 << 17;

/// Bytes of scratch memory that are kept from one dispatch to the next, for each worker.
const KEPT_SCRATCH: usize = 4 << 20;

/// Runs a part of a grid of `code`. `bindings` gives each binding's memory and its size in bytes.
///
/// # Errors
///
/// If a binding is missing or too large, the part is too large, a worker panics, or `stop` is set before all is done.
pub(super) fn run<'a>(
    code: &Code,
    part: Part,
    bindings: &[(SharedMem<'a>, u64)],
    team: Team<'_>,
    scratch: &Mutex<Vec<Scratch>>,
    stop: Option<&Stop>,
) -> Result<()> {
    let grid = Grid::new(code, part)?;
    let views = Views::new(code, bindings)?;
    let work = grid.invocations().saturating_mul(code.insts.len() as u64);
    let workers = (work / WORTH_A_THREAD + 1).min(grid.units).min(team.threads() as u64) as usize;
    let claims = Claims::new(grid.units, workers);
    let stopped = AtomicBool::new(false);
    let work = || {
        // A worker that comes too late sets nothing up.
        if !claims.any_left() {
            return;
        }
        let mut memory = lock(scratch).pop().unwrap_or_else(Scratch::new);
        let view = views.memories(code, &grid);
        let on_panic = StopOnPanic(&claims);
        let mut machine = Machine::new(code, &grid, view, &mut memory, stop::word(stop), Recorder::off());
        'claims: while let Some(units) = claims.claim() {
            for unit in units {
                if !machine.run(unit) {
                    stopped.store(true, Ordering::Relaxed);
                    claims.stop();
                    break 'claims;
                }
            }
        }
        machine.finish(&mut memory);
        std::mem::forget(on_panic);
        let mut kept = lock(scratch);
        if memory.bytes() <= KEPT_SCRATCH && kept.len() < team.threads() {
            kept.push(memory);
        }
    };
    team.run(workers, &work).map_err(|panic| {
        Error::Device(
            Message::new(format!("the CPU engine failed: {panic}; what it wrote is unspecified"))
                .kernel(code.name.as_str())
                .help("this is a defect of the engine; other kernels still run"),
        )
    })?;
    match stop {
        Some(stop) if stopped.load(Ordering::Relaxed) => Err(stop.error(LeftBehind::Unspecified)),
        _ => Ok(()),
    }
}

/// The memories of a program: where they are, how many bytes they have, and how long their runtime-sized arrays are.
struct Views<'a> {
    memories: Vec<Option<SharedMem<'a>>>,
    bytes: Vec<u64>,
    lengths: Vec<u32>,
}

impl<'a> Views<'a> {
    fn new(code: &'a Code, bindings: &[(SharedMem<'a>, u64)]) -> Result<Self> {
        let mut views = Views { memories: Vec::new(), bytes: Vec::new(), lengths: Vec::new() };
        for (index, memory) in code.memories.iter().enumerate() {
            let (binding, size) = match memory.place {
                MemoryLocation::Binding(number) => {
                    let (memory, size) = bindings.get(number).ok_or_else(|| missing(code, &memory.name))?;
                    (Some(*memory), *size)
                }
                MemoryLocation::Constant => {
                    (SharedMem::fixed(bytemuck::cast_slice(&memory.data)), 4 * memory.data.len() as u64)
                }
                MemoryLocation::Workgroup { words, .. } | MemoryLocation::Private { words, .. } => {
                    (None, 4 * u64::from(words))
                }
            };
            let halves = code.accesses.iter().any(|access| access.memory as usize == index && access.half);
            let element = if halves { 2 } else { 4 };
            if size / element >= u64::from(OUTSIDE) {
                return Err(too_large(code, &memory.name, size, element));
            }
            let length =
                memory.runtime.map_or(0, |(offset, stride)| size.saturating_sub(offset.into()) / u64::from(stride));
            views.memories.push(binding);
            views.bytes.push(size);
            views.lengths.push(u32::try_from(length).unwrap_or(u32::MAX));
        }
        Ok(views)
    }

    /// What a worker accesses them through.
    fn memories(&'a self, code: &Code, grid: &Grid) -> Memories<'a> {
        Memories {
            bindings: &self.memories,
            bytes: &self.bytes,
            lengths: &self.lengths,
            copies: Copies::new(code, &self.memories, grid.invocations()),
            workgroup: Vec::new(),
            private: Vec::new(),
            stride: 0,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Lets the other workers stop early when one panics.
struct StopOnPanic<'a>(&'a Claims);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn missing(code: &Code, binding: &str) -> Error {
    Error::Call(Message::new("the binding was given no data").kernel(code.name.as_str()).subject(binding))
}

fn too_large(code: &Code, binding: &str, size: u64, element: u64) -> Error {
    let limit = element * u64::from(OUTSIDE) - 1;
    Error::Call(
        Message::new(format!("{size} bytes; the CPU engine binds at most {limit}"))
            .kernel(code.name.as_str())
            .subject(binding)
            .help("process the data in parts"),
    )
}
