//! Launches in tiles. Bindings that follow the grid go to the device and come back a tile at a time, so that data of
//! any size runs in a memory of any size; the others stay on the device from the first tile to the last.
//!
//! While the device computes a tile, the host fills the staging of the next one and empties that of the one before.
//! Everything a tile does is in the order of the device's queue, so two sets of buffers are enough.

use std::{ops::Range, sync::Arc};

use super::{
    Gpu,
    bindings::BoundBuffer,
    clock::TileClock,
    memory::{padded, size_class},
    pipeline::Pipeline,
    submit::{Argument, BoundPipeline, PooledBuffer, TileLayout, place, record_tiles},
    transfer::{self, Piece, Readback},
};
use crate::{
    error::{Error, Result},
    exec::{
        ArgData, Launch, Metrics, Watcher,
        stop::{LeftBehind, Stop},
    },
    kernel::{
        Kernel,
        passes::{Guard, Slice, TileUniform, Variant},
    },
    plan::{Plan, Residency, SETS, TileEvent, TileSpace},
};

/// Runs a launch as it is planned, and returns when its results are in the arguments.
pub(super) fn launch(gpu: &Arc<Gpu>, launch: Launch<'_>, plan: &Plan) -> Result<Metrics> {
    let (kernel, stop) = (launch.kernel, launch.stop);
    gpu.check(kernel.name())?;
    let sliced: Vec<bool> = plan.bindings.iter().map(|binding| binding.residency == Residency::Streamed).collect();
    let guard = plan.proven(kernel).map_or(Guard::All, Guard::Unproven);
    let variant = Variant { tiled: true, logical_length: sliced.clone(), sliced, guard, fuel: false };
    let (pipeline, compile) = gpu.pipelines.get(gpu, kernel, &variant)?;
    if let Some(stop) = stop.filter(|stop| stop.is_due()) {
        return Err(stop.error(LeftBehind::Nothing));
    }
    let result = gpu.guarded(kernel.name(), "", || {
        let mut metrics = Metrics { compile, ..Metrics::default() };
        let Some(layout) = &pipeline.tile else {
            return Err(Error::Device(kernel.message("a call in tiles has no pipeline for them")));
        };
        let layout = TileLayout { layout, status: None };
        let mut stream = Stream { gpu, kernel, plan, pipeline: &pipeline, layout, stop, metrics: &mut metrics };
        stream.run(launch.args, launch.watcher)?;
        Ok(metrics)
    });
    if result.is_err() {
        // What was made on the way may be invalid, which wgpu shows only at its next use.
        gpu.groups.clear();
        gpu.timers.clear();
    }
    result
}

struct Stream<'a, 'm> {
    gpu: &'a Arc<Gpu>,
    kernel: &'a Kernel,
    plan: &'a Plan,
    pipeline: &'a Pipeline,
    layout: TileLayout<'a>,
    stop: Option<&'a Stop>,
    metrics: &'m mut Metrics,
}

/// A binding while the launch runs.
enum Role<'a> {
    /// On the device from the first tile to the last.
    Fixed(Argument<'a>),
    /// A part of it for each tile.
    Streamed(Streamed<'a>),
}

/// The host's side of a binding that is streamed.
struct Streamed<'a> {
    /// Bytes of an element.
    element: u64,
    data: Data<'a>,
}

enum Data<'a> {
    Read(&'a [u8]),
    /// What each tile has to itself: where it starts, and the bytes.
    Write(Vec<(u64, Option<&'a mut [u8]>)>),
}

/// The bytes of a binding that a tile is given.
struct Extent {
    /// What the tile touches, whole words.
    touched: Range<u64>,
    written: Range<u64>,
    /// The element that stands first in the tile's buffer.
    first: u64,
}

impl<'a> Stream<'a, '_> {
    fn run(&mut self, args: Vec<ArgData<'a>>, mut watcher: Option<&mut Watcher<'_>>) -> Result<()> {
        let (gpu, stop) = (self.gpu, self.stop);
        let (space, sets) = self.acquire()?;
        let mut roles = Vec::with_capacity(args.len());
        for (at, data) in args.into_iter().enumerate() {
            roles.push(self.role(at, data, space)?);
        }
        let tiles = space.count();
        let mut clock = TileClock::new(gpu, tiles)?;
        let mut tell = |tile: u32| {
            if let Some(watcher) = watcher.as_mut() {
                watcher(TileEvent { tile, tiles });
            }
        };
        let mut before: Option<(u32, Readback<'a>)> = None;
        for (tile, units) in (0..).zip(space.iter()) {
            if let Some(stop) = stop.filter(|stop| stop.is_due()) {
                return Err(stop.error(LeftBehind::Unspecified));
            }
            let set = sets.get(tile as usize % SETS as usize).map_or(&[][..], Vec::as_slice);
            let readback = self.tile(tile, &units, set, &mut roles, &mut clock)?;
            if let Some((done, readback)) = before.replace((tile, readback)) {
                readback.complete(gpu, stop)?;
                tell(done);
            }
        }
        if let Some((done, readback)) = before {
            readback.complete(gpu, stop)?;
            tell(done);
        }
        self.metrics.tiles = tiles;
        let mut ticks = vec![0; clock.ticks().map_or(0, |ticks| ticks.size()) as usize];
        self.collect(roles, clock.ticks().map(|source| Piece { source, offset: 0, data: &mut ticks }))?;
        let first = space.iter().next().unwrap_or_default();
        self.metrics.kernel = clock.total(&ticks, &first, space.units());
        clock.put_back(gpu);
        Ok(())
    }

    /// Buffers for tiles as large as planned; smaller ones where the device has less memory than it seemed to have.
    fn acquire(&self) -> Result<(TileSpace, Vec<Vec<PooledBuffer<'a>>>)> {
        let mut space = self.plan.tiles;
        loop {
            match self.sets(space) {
                Err(Error::OutOfMemory(_)) if space.units_per_tile() > 1 => {
                    space = space.narrowed(space.units_per_tile().div_ceil(2));
                    tracing::warn!(kernel = self.kernel.name(), tiles = space.count(), "out of memory: smaller tiles");
                }
                sets => return Ok((space, sets?)),
            }
        }
    }

    fn sets(&self, space: TileSpace) -> Result<Vec<Vec<PooledBuffer<'a>>>> {
        let streamed = || (0..self.plan.bindings.len()).filter(|&at| self.is_streamed(at));
        let set = |_: usize| {
            let buffer = |at: usize| {
                let bytes = self.plan.tile_bytes(at, space);
                PooledBuffer::acquire(self.gpu, size_class(bytes), &self.plan.bindings[at].name)
            };
            streamed().map(buffer).collect::<Result<Vec<_>>>()
        };
        let count = if streamed().next().is_some() { SETS.min(space.count().into()) as usize } else { 0 };
        (0..count).map(set).collect()
    }

    fn is_streamed(&self, at: usize) -> bool {
        self.plan.bindings[at].residency == Residency::Streamed
    }

    fn role(&mut self, at: usize, data: ArgData<'a>, space: TileSpace) -> Result<Role<'a>> {
        if !self.is_streamed(at) {
            let written = self.pipeline.written[at];
            return Ok(Role::Fixed(place(self.gpu, self.kernel, at, data, written, self.metrics, self.stop)?));
        }
        let element = u64::from(self.kernel.bindings()[at].element_stride().unwrap_or(4));
        let data = match data {
            ArgData::Write(bytes) if self.pipeline.written[at] => Data::Write(self.parts(at, bytes, space)),
            ArgData::Write(bytes) => Data::Read(bytes),
            ArgData::Read(bytes) | ArgData::Uniform(bytes) => Data::Read(bytes),
            ArgData::Resident(_) => Data::Read(&[]),
        };
        Ok(Role::Streamed(Streamed { element, data }))
    }

    /// A slice cut into what each tile has to itself: tiles write in ranges of their own.
    fn parts(&self, at: usize, bytes: &'a mut [u8], space: TileSpace) -> Vec<(u64, Option<&'a mut [u8]>)> {
        let mut ranges: Vec<(usize, Range<u64>)> =
            space.iter().map(|units| self.extent(at, 1, &units).touched).enumerate().collect();
        ranges.sort_unstable_by_key(|(_, range)| (range.start, range.end));
        let mut parts: Vec<_> = ranges.iter().map(|_| (0, None)).collect();
        let (mut rest, mut start) = (bytes, 0);
        for (tile, range) in ranges {
            let range = range.start.max(start)..range.end.max(start);
            let (_, behind) = rest.split_at_mut((range.start - start) as usize);
            let (own, behind) = behind.split_at_mut((range.end - range.start) as usize);
            parts[tile] = (range.start, Some(own));
            (rest, start) = (behind, range.end);
        }
        parts
    }

    fn extent(&self, at: usize, element: u64, units: &Range<u32>) -> Extent {
        let (reads, written) = (self.plan.reads(at, units.clone()), self.plan.writes(at, units.clone()));
        let touched = match (reads.is_empty(), written.is_empty()) {
            (true, _) => written.clone(),
            (_, true) => reads,
            _ => reads.start.min(written.start)..reads.end.max(written.end),
        };
        // Words are what is copied; a buffer's last word may be half a one.
        let end = touched.end.next_multiple_of(4).min(self.plan.bindings[at].bytes);
        let touched = touched.start / 4 * 4..end;
        let first = touched.start / element.max(1);
        Extent { touched, written, first }
    }

    /// Uploads a tile's parts, runs it, and starts the way back of its results.
    fn tile(
        &mut self,
        tile: u32,
        units: &Range<u32>,
        set: &[PooledBuffer<'a>],
        roles: &mut [Role<'a>],
        clock: &mut TileClock,
    ) -> Result<Readback<'a>> {
        let (gpu, stop) = (self.gpu, self.stop);
        let mut slices = vec![Slice::default(); roles.len()];
        let mut pieces = Vec::new();
        let mut buffers = set.iter();
        let mut bound = Vec::with_capacity(roles.len());
        for (at, role) in roles.iter_mut().enumerate() {
            let streamed = match role {
                Role::Fixed(argument) => {
                    bound.push(argument.bound());
                    continue;
                }
                Role::Streamed(streamed) => streamed,
            };
            let Some(held) = buffers.next() else { continue };
            let buffer = held.buffer();
            let extent = self.extent(at, streamed.element, units);
            let origin = extent.first * streamed.element;
            slices[at] =
                Slice { first: extent.first as u32, length: (self.plan.bindings[at].bytes / streamed.element) as u32 };
            let offset = extent.touched.start - origin;
            let upload = |bytes: &[u8]| transfer::upload(gpu, &buffer.buffer, offset, bytes, stop);
            match &mut streamed.data {
                Data::Read(bytes) => {
                    let bytes = &bytes[extent.touched.start as usize..extent.touched.end as usize];
                    upload(bytes)?;
                    self.metrics.bytes_up += bytes.len() as u64;
                }
                Data::Write(parts) => {
                    let (start, part) = &mut parts[tile as usize];
                    if let Some(part) = part.take() {
                        // Where every byte of every word is written anew, the old ones matter to nobody.
                        let in_words = [extent.written.start, extent.written.end].iter().all(|end| end % 4 == 0);
                        if !in_words || !self.plan.is_covered(at, units.clone()) {
                            upload(part)?;
                            self.metrics.bytes_up += part.len() as u64;
                        }
                        if !extent.written.is_empty() {
                            let written = extent.written.start / 4 * 4..extent.written.end.next_multiple_of(4);
                            let end = (written.end - *start).min(part.len() as u64) as usize;
                            let data = &mut part[(written.start - *start) as usize..end];
                            self.metrics.bytes_down += data.len() as u64;
                            pieces.push((buffer, written.start - origin, data));
                        }
                    }
                }
            }
            bound.push(BoundBuffer {
                buffer,
                bytes: padded(self.plan.tile_bytes(at, self.plan.tiles)).min(buffer.size),
            });
        }
        let group = gpu.groups.get(gpu, self.pipeline, &bound);
        let encoder = clock.time(gpu, tile, stop, |queries| self.dispatch(units, slices, &group, queries))?;
        let pieces = pieces.into_iter().filter(|(_, _, data)| !data.is_empty());
        let pieces = pieces.map(|(buffer, offset, data)| Piece { source: &buffer.buffer, offset, data }).collect();
        transfer::start_readback(gpu, encoder, pieces)
    }

    /// Records the dispatches of a tile. If there are many, all but the last are submitted.
    fn dispatch(
        &mut self,
        units: &Range<u32>,
        slices: Vec<Slice>,
        group: &wgpu::BindGroup,
        queries: Option<&wgpu::QuerySet>,
    ) -> Result<wgpu::CommandEncoder> {
        let whole = self.plan.workgroups;
        let part = self.plan.tiles.part(units, whole);
        let tile = TileUniform { origin: part.origin, fuel: 0, whole, slices };
        let (encoder, dispatches) = record_tiles(
            self.gpu,
            BoundPipeline { pipeline: self.pipeline, group },
            self.layout,
            &tile,
            part,
            queries,
            self.stop,
        )?;
        self.metrics.dispatches += dispatches;
        Ok(encoder)
    }

    /// Brings back what stayed on the device until the end, and with it what the clock said.
    fn collect<'b>(&mut self, mut roles: Vec<Role<'b>>, ticks: Option<Piece<'_, 'b>>) -> Result<()> {
        let mut pieces = Vec::from_iter(ticks);
        for role in &mut roles {
            if let Role::Fixed(argument) = role
                && let Some(data) = argument.result.take()
            {
                self.metrics.bytes_down += data.len() as u64;
                pieces.push(Piece { source: &argument.place.buffer().buffer, offset: 0, data });
            }
        }
        if pieces.is_empty() {
            return Ok(());
        }
        transfer::finish(self.gpu, self.gpu.encoder(), pieces, self.stop)
    }
}
