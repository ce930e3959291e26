//! How long the kernel runs in a session, while transfers go on beside it.
//!
//! The device's clock is read around the dispatches of each run of units, and what it said comes back with the run's results.
//! On a device without one the first run goes with nothing beside it, timed from the host, and stands for all: to time
//! each like that would end the overlap that runs are for.

use std::time::{Duration, Instant};

use super::{Gpu, submit::Timer};
use crate::{error::Result, exec::stop::Stop};

/// The clock of a session.
pub(super) enum UnitClock {
    Device { timer: Timer, total: Duration },
    Host(HostClock),
}

/// What the host knows.
pub(super) struct HostClock {
    start: Instant,
    /// How long the first run took, and how many units it had.
    first: Option<(Duration, u32)>,
    /// Units of all runs.
    units: u64,
}

impl UnitClock {
    pub fn new(gpu: &Gpu) -> Result<UnitClock> {
        Ok(match gpu.timers.get_beside_transfers(gpu)? {
            Some(timer) => UnitClock::Device { timer, total: Duration::ZERO },
            None => UnitClock::Host(HostClock { start: Instant::now(), first: None, units: 0 }),
        })
    }

    /// Runs what `record` records for a run of so many units so that its time can be told; gives the encoder in which the
    /// run goes on.
    pub fn time(
        &mut self,
        gpu: &Gpu,
        units: u32,
        stop: Option<&Stop>,
        record: impl FnOnce(Option<&wgpu::QuerySet>) -> Result<wgpu::CommandEncoder>,
    ) -> Result<wgpu::CommandEncoder> {
        let clock = match self {
            UnitClock::Device { timer, .. } => {
                let mut encoder = record(Some(&timer.queries))?;
                encoder.resolve_query_set(&timer.queries, 0..2, &timer.resolved, 0);
                return Ok(encoder);
            }
            UnitClock::Host(clock) => clock,
        };
        clock.units += u64::from(units);
        if clock.first.is_some() {
            return record(None);
        }
        // The uploads are not to count.
        gpu.wait(gpu.queue.submit([]), stop)?;
        let start = Instant::now();
        let encoder = record(None)?;
        gpu.wait(gpu.queue.submit([encoder.finish()]), stop)?;
        clock.first = Some((start.elapsed(), units));
        Ok(gpu.encoder())
    }

    /// Where the device says what its clock showed around the run that was recorded last, as two timestamps.
    pub fn ticks(&self) -> Option<&wgpu::Buffer> {
        match self {
            UnitClock::Device { timer, .. } => Some(&timer.resolved),
            UnitClock::Host(_) => None,
        }
    }

    /// Counts the time between the two timestamps of a run, and gives it.
    pub fn landed(&mut self, ticks: &[u8]) -> Duration {
        let UnitClock::Device { timer, total } = self else { return Duration::ZERO };
        let took = timer.elapsed(ticks).unwrap_or_default();
        *total += took;
        took
    }

    /// The time of the kernel in all runs.
    pub fn total(&self) -> Duration {
        match self {
            UnitClock::Device { total, .. } => *total,
            UnitClock::Host(HostClock { start, first, units }) => {
                let (time, part) = first.unwrap_or_default();
                time.mul_f64(*units as f64 / f64::from(part.max(1))).min(start.elapsed())
            }
        }
    }

    /// Gives back what other launches can use.
    pub fn put_back(self, gpu: &Gpu) {
        if let UnitClock::Device { timer, .. } = self {
            gpu.timers.put(timer);
        }
    }
}
