//! Sessions on the CPU engine: runs of units in the host's memory.

use std::{
    ops::Range,
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use super::{CpuBackend, Executable, Shape, data::Home, pool::Team, shared_mem::SharedMem};
use crate::{
    error::{Error, Message, Result},
    exec::{
        Metrics,
        host::{Claim, Read},
        session::Session,
        stop::{LeftBehind, Stop},
        trace::{self, Activity, Track},
    },
    plan::Plan,
};

/// A launch that is open on the engine.
pub(super) struct CpuSession<'s> {
    pub engine: &'s CpuBackend,
    pub team: Team<'s>,
    pub code: &'s Executable,
    pub shape: Shape,
    pub plan: &'s Plan,
    pub memory: &'s [(SharedMem<'s>, u64)],
    pub homes: &'s [Home<'s>],
    pub stop: Option<&'s Stop>,
    pub track: Option<Track<'s>>,
    pub metrics: &'s mut Metrics,
    /// The run that was started and is not settled.
    pub in_flight: Option<InFlight<'s>>,
}

/// A run of units that was computed in place, and may turn out not to count.
pub(super) struct InFlight<'s> {
    units: Range<u32>,
    claims: Vec<Claim<'s>>,
    /// What is only read is lent to others too.
    _reads: Vec<Read<'s>>,
    old: Vec<Old>,
}

/// What was there of a binding that the kernel reads and writes: with it a run can be done again.
struct Old {
    /// Among the claims.
    claim: usize,
    first: u64,
    bytes: Vec<u8>,
}

impl InFlight<'_> {
    /// Puts back what the units found.
    fn undo(&mut self) {
        for Old { claim, first, bytes } in &self.old {
            self.claims[*claim].restore(*first, bytes);
        }
    }
}

/// Bytes of old contents that are kept for a run at most, where a unit has no more.
const KEPT_BYTES: u64 = 64 << 20;

impl<'s> CpuSession<'s> {
    /// Claims what the units touch, and copies what they update.
    fn claim(&mut self, units: &Range<u32>) -> Result<InFlight<'s>> {
        let mut flight = InFlight { units: units.clone(), claims: Vec::new(), _reads: Vec::new(), old: Vec::new() };
        for (at, (home, (memory, _))) in self.homes.iter().zip(self.memory).enumerate() {
            let touched = self.plan.touches(at, units.clone());
            match home {
                Home::Claimed(host) if self.plan.writes(at, units.clone()).is_empty() => {
                    flight._reads.push(host.read(touched));
                }
                Home::Claimed(host) => {
                    let claim = host.claim(touched);
                    let updated = self.plan.updates(at, units.clone());
                    if !updated.is_empty() {
                        let (claim_at, first) = (flight.claims.len(), updated.start);
                        let bytes = claim.copy(updated).ok_or_else(no_memory)?;
                        flight.old.push(Old { claim: claim_at, first, bytes });
                    }
                    flight.claims.push(claim);
                }
                Home::Ranges(host) => {
                    self.metrics.bytes_up += touched.end - touched.start;
                    memory.store(touched.start, &host.read(touched.clone()));
                }
                Home::Here | Home::Merged(..) => {}
            }
        }
        Ok(flight)
    }
}

fn no_memory() -> Error {
    let message = Message::new("the host has no memory for what a run of units is about to change");
    Error::OutOfMemory(message.help("process the data in smaller parts"))
}

/// A run that was not settled does not count.
impl Drop for CpuSession<'_> {
    fn drop(&mut self) {
        if let Some(mut flight) = self.in_flight.take() {
            flight.undo();
        }
    }
}

impl Session for CpuSession<'_> {
    fn most_units(&self) -> u32 {
        let units = self.plan.tiles.units();
        let claimed = self.homes.iter().enumerate().filter(|(_, home)| matches!(home, Home::Claimed(_)));
        let kept: u64 =
            claimed.map(|(at, _)| self.plan.updates(at, 0..units)).map(|range| range.end - range.start).sum();
        let most = (KEPT_BYTES as f64 / (kept.max(1) as f64 / f64::from(units))) as u32;
        if kept == 0 { u32::MAX } else { most.max(1) }
    }

    fn depth(&self) -> usize {
        1
    }

    /// Runs the units, too: all of the engine's threads compute, and none is left to wait for them.
    fn start(&mut self, units: Range<u32>) -> Result<()> {
        if let Some(stop) = self.stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Unspecified));
        }
        let flight = self.claim(&units)?;
        self.in_flight = Some(flight);
        let part = self.plan.tiles.part(&units, self.plan.workgroups);
        self.metrics.compile += self.code.make_ready(part, self.shape, |at| Some(self.memory.get(at)?.1));
        let _running = trace::span(self.track, Activity::Kernel);
        let start = Instant::now();
        let interpreted = self.engine.run_on(self.team, self.code, (part, self.shape), self.memory, self.stop)?;
        self.metrics.kernel += start.elapsed();
        self.metrics.interpreted |= interpreted;
        self.metrics.dispatches += 1;
        self.metrics.tiles += 1;
        Ok(())
    }

    fn land(&mut self, _patience: Option<Duration>) -> Result<()> {
        Ok(())
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
        if let Some(mut flight) = self.in_flight.take() {
            // It is never backed up: so all of it counts, or nothing.
            if units != [flight.units.clone()] {
                flight.undo();
            }
        }
        for (at, (home, (memory, _))) in self.homes.iter().zip(self.memory).enumerate() {
            let Home::Ranges(host) = home else { continue };
            for units in units {
                let written = self.plan.writes(at, units.clone());
                self.metrics.bytes_down += written.end - written.start;
                memory.load(written.start, &mut host.write(written.clone()));
            }
        }
        Ok(())
    }

    fn fold(&mut self) -> Result<()> {
        for (home, (memory, bytes)) in self.homes.iter().zip(self.memory) {
            let (Home::Merged(host, merge), SharedMem::Racy(racy)) = (home, memory) else { continue };
            let mut copy = vec![0; *bytes as usize];
            memory.load(0, &mut copy);
            host.fold(*merge, &copy);
            racy.words().iter().for_each(|word| word.store(merge.identity(), Relaxed));
        }
        Ok(())
    }
}
