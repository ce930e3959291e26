//! How long the kernel runs in a launch in tiles, while transfers go on beside it.
//!
//! The device's clock is read around the dispatches of each tile, and what it said is brought back at the end. On a
//! device without one the first tile runs with nothing beside it, timed from the host, and stands for all: to time each
//! like that would end the overlap that tiles are for.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{
    Gpu,
    submit::{TICKS, Timer},
};
use crate::{error::Result, exec::stop::Stop};

/// Tiles that the device's clock is read for: there is room for what it says about so many.
const MOST_TILES: u32 = 1 << 20;

/// The clock of a launch in so many tiles.
pub(super) enum TileClock {
    Device {
        timer: Timer,
        ticks: wgpu::Buffer,
    },
    /// When the launch began, and how long its first tile took.
    Host {
        start: Instant,
        first: Option<Duration>,
    },
}

impl TileClock {
    pub fn new(gpu: &Gpu, tiles: u32) -> Result<TileClock> {
        let timer = if tiles <= MOST_TILES { gpu.timers.get_beside_transfers(gpu)? } else { None };
        let Some(timer) = timer else { return Ok(TileClock::Host { start: Instant::now(), first: None }) };
        let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let ticks = gpu.create_buffer(u64::from(tiles) * TICKS as u64, usage, "kernel time of tiles")?;
        Ok(TileClock::Device { timer, ticks })
    }

    /// Runs what `record` records for a tile so that its time can be told; gives the encoder in which the tile goes on.
    pub fn time(
        &mut self,
        gpu: &Gpu,
        tile: u32,
        stop: Option<&Stop>,
        record: impl FnOnce(Option<&wgpu::QuerySet>) -> Result<wgpu::CommandEncoder>,
    ) -> Result<wgpu::CommandEncoder> {
        match self {
            TileClock::Device { timer, ticks } => {
                let mut encoder = record(Some(&timer.queries))?;
                encoder.resolve_query_set(&timer.queries, 0..2, &timer.resolved, 0);
                let at = u64::from(tile) * TICKS as u64;
                encoder.copy_buffer_to_buffer(&timer.resolved, 0, ticks, at, TICKS as u64);
                Ok(encoder)
            }
            TileClock::Host { first: first @ None, .. } => {
                // The uploads are not to count.
                gpu.wait(gpu.queue.submit([]), stop)?;
                let start = Instant::now();
                let encoder = record(None)?;
                gpu.wait(gpu.queue.submit([encoder.finish()]), stop)?;
                *first = Some(start.elapsed());
                Ok(gpu.encoder())
            }
            TileClock::Host { first: Some(_), .. } => record(None),
        }
    }

    /// The time of the kernel in all tiles, of which the first one is the part `first` of `units` units. `ticks` is what
    /// was brought back from [`ticks`](TileClock::ticks).
    pub fn total(&self, ticks: &[u8], first: &Range<u32>, units: u32) -> Duration {
        match self {
            TileClock::Device { timer, .. } => ticks.chunks_exact(TICKS).filter_map(|tile| timer.elapsed(tile)).sum(),
            TileClock::Host { start, first: time } => {
                let share = f64::from(units) / f64::from(first.len().max(1) as u32);
                time.unwrap_or_default().mul_f64(share.max(1.0)).min(start.elapsed())
            }
        }
    }

    /// What the device's clock said, two timestamps for each tile.
    pub fn ticks(&self) -> Option<&wgpu::Buffer> {
        match self {
            TileClock::Device { ticks, .. } => Some(ticks),
            TileClock::Host { .. } => None,
        }
    }

    /// Gives back what other launches can use.
    pub fn put_back(self, gpu: &Gpu) {
        if let TileClock::Device { timer, .. } = self {
            gpu.timers.put(timer);
        }
    }
}
