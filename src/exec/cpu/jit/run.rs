//! Launches of compiled programs, over threads of the pool.

use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

use super::{Bytes, Compiled, Variant};
use crate::{
    error::{Error, Message, Result},
    exec::{
        cpu::{
            pool::{Claims, Team},
            shared_mem::SharedMem,
        },
        stop::{LeftBehind, Stop},
    },
    plan::Part,
};

/// Operations of invocations that are worth waking a thread for, some ten microseconds of work.
const WORTH_A_THREAD: u64 = 200_000;

impl Compiled {
    /// Runs a part of a grid over these bindings, until `stop` is set; `None` if they are not what compiled code can
    /// be given.
    pub fn launch(
        &self,
        part: Part,
        lanes: u32,
        memory: &[(SharedMem<'_>, u64)],
        team: Team<'_>,
        stop: Option<&Stop>,
    ) -> Option<Result<()>> {
        let mut bindings = SmallVec::<[Bytes; 8]>::new();
        bindings.extend(memory.iter().map(|(memory, _)| {
            let (start, len) = memory.as_raw();
            Bytes { start, len }
        }));
        let bytes = |at: usize| Some(bindings.get(at)?.len as u64);
        let variant = self.variant(bytes, invocations(part, lanes)).filter(|variant| variant.accepts(&bindings))?;
        Some(variant.launch(part, lanes, &bindings, team, stop))
    }
}

impl Variant {
    fn launch(&self, part: Part, lanes: u32, bindings: &[Bytes], team: Team<'_>, stop: Option<&Stop>) -> Result<()> {
        let [columns, rows, layers] = part.size.map(u64::from);
        let total = columns.saturating_mul(rows).saturating_mul(layers);
        let work = total.saturating_mul(u64::from(lanes)).saturating_mul(self.cost);
        let workers = (work / WORTH_A_THREAD + 1).min(total).min(team.threads() as u64) as usize;
        let claims = Claims::new(total, workers);
        let stopped = AtomicBool::new(false);
        let shared = Shared(bindings);
        let run = || {
            let shared = &shared;
            if !claims.any_left() {
                return;
            }
            let mut worker = self.worker(shared.0, part.whole, stop);
            'claims: while let Some(range) = claims.claim() {
                let mut at = range.start;
                while at < range.end {
                    let (x, y, z) = (at % columns, at / columns % rows, at / columns / rows);
                    let count = (columns - x).min(range.end - at);
                    let first = [0, 1, 2].map(|axis| part.origin[axis].wrapping_add([x, y, z][axis] as u32));
                    // SAFETY: `self.worker` made the worker above, with this stop; `Compiled::launch` asked whether the
                    // bindings are accepted. The memory behind them is borrowed by the `SharedMem`s that it was given,
                    // for longer than `team.run` lasts, which returns when all workers have. What the kernel can
                    // write is racy, that is an exclusive borrow: `cpu::LaunchData::new` refuses a call where it would not
                    // be, and `sequence` chooses by the kind of the binding.
                    unsafe { self.run_row(&mut worker, first, count as u32) };
                    at += count;
                    // Asked after the row: what compiled code left early because of the stop is not done.
                    if stop.is_some_and(Stop::is_set) {
                        stopped.store(true, Ordering::Relaxed);
                        claims.stop();
                        break 'claims;
                    }
                }
            }
            // SAFETY: as above; the worker has these bindings.
            unsafe { self.merge(&worker, shared.0) };
            self.idle.put(worker);
        };
        team.run(workers, &run).map_err(|panic| Error::Device(Message::new(format!("a worker failed: {panic}"))))?;
        match stop {
            Some(stop) if stopped.load(Ordering::Relaxed) => Err(stop.error(LeftBehind::Unspecified)),
            _ => Ok(()),
        }
    }
}

/// Invocations in a part of a grid whose workgroups have so many lanes.
pub(super) fn invocations(part: Part, lanes: u32) -> u64 {
    part.size.iter().fold(u64::from(lanes), |n, &axis| n.saturating_mul(axis.into()))
}

/// Bindings as seen from several threads.
struct Shared<'a>(&'a [Bytes]);

// SAFETY: sharing a pointer and a length accesses nothing; what does is unsafe, `run_row` and `merge`. Accesses of
// several threads at a time are of two kinds:
// - By compiled code among themselves. These are the machine's and not Rust's, to which a call of compiled code is one
//   opaque access of memory that no other Rust code looks at meanwhile. WGSL lets invocations race only for a location
//   that one of them writes, and there any value may be found. No other location may suffer. So a store writes its own
//   elements and nothing around them: a row of words or of halves where all its lanes are active (`MemRowStore`,
//   `MemHalfStore` and `MemHalfExtract`, `MemF16Store`), words under a mask (`MemMaskStore`), or single elements,
//   halves as 16 bits (`Lanes`). What reads memory and writes it back without a lock (`blended_store`, `Accumulate`,
//   `AccumulateImm`) is for memory that is one worker's own.
// - By `merge`, in Rust: atomic, and of memory for which the compiled code of all workers has copies instead.
unsafe impl Sync for Shared<'_> {}
