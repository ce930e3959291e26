//! Sessions on the CPU engine: runs of units in the host's memory.

use std::{ops::Range, sync::atomic::Ordering::Relaxed, time::Instant};

use super::{CpuBackend, Executable, data::Home, pool::Team, shared_mem::SharedMem};
use crate::{
    error::Result,
    exec::{
        Metrics,
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
    pub plan: &'s Plan,
    pub memory: &'s [(SharedMem<'s>, u64)],
    pub homes: &'s [Home<'s>],
    pub stop: Option<&'s Stop>,
    pub track: Option<Track<'s>>,
    pub metrics: &'s mut Metrics,
}

impl Session for CpuSession<'_> {
    fn most_units(&self) -> u32 {
        u32::MAX
    }

    fn depth(&self) -> usize {
        1
    }

    /// Runs the units, too: all of the engine's threads compute, and none is left to wait for them.
    fn start(&mut self, units: Range<u32>) -> Result<()> {
        if let Some(stop) = self.stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Unspecified));
        }
        // What is only read is lent to others too; what is written is not.
        let (mut claims, mut reads) = (Vec::new(), Vec::new());
        for (at, (home, (memory, _))) in self.homes.iter().zip(self.memory).enumerate() {
            match home {
                Home::Claimed(host) if self.plan.writes(at, units.clone()).is_empty() => {
                    reads.push(host.read(self.plan.touches(at, units.clone())));
                }
                Home::Claimed(host) => claims.push(host.claim(self.plan.touches(at, units.clone()))),
                Home::Ranges(host) => {
                    let touched = self.plan.touches(at, units.clone());
                    self.metrics.bytes_up += touched.end - touched.start;
                    memory.store(touched.start, &host.read(touched.clone()));
                }
                Home::Here | Home::Merged(..) => {}
            }
        }
        let part = self.plan.tiles.part(&units, self.plan.workgroups);
        self.metrics.compile += self.code.make_ready(part, |at| Some(self.memory.get(at)?.1));
        let _running = trace::span(self.track, Activity::Kernel);
        let start = Instant::now();
        let interpreted = self.engine.run_on(self.team, self.code, part, self.memory, self.stop)?;
        self.metrics.kernel += start.elapsed();
        self.metrics.interpreted |= interpreted;
        self.metrics.dispatches += 1;
        self.metrics.tiles += 1;
        Ok(())
    }

    fn land(&mut self) -> Result<()> {
        Ok(())
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
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
