//! Sessions on a GPU. Bindings that follow the grid go to the device and come back with the units that need them, so that
//! data of any size runs in a memory of any size; the others stay on the device from the first unit to the last.
//!
//! While the device computes a run of units, the host fills the staging of the next one and empties that of the one
//! before. All that a run does is in the order of the device's queue, so two sets of buffers are enough.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Gpu,
    bindings::BoundBuffer,
    clock::UnitClock,
    memory::{padded, size_class},
    pipeline::Pipeline,
    submit::{
        Argument, BoundPipeline, Ended, PooledBuffer, STATUS, STATUS_USAGE, TICKS, TileLayout, cut_short, place,
        record_tiles,
    },
    transfer::{self, Piece, Readback, Target},
};
use crate::{
    access::Merge,
    error::{Error, Result},
    exec::{
        ArgData, Launch, Metrics,
        host::{HostMemory, HostSlice},
        session::{Body, Session},
        stop::{LeftBehind, Stop},
        trace::{self, Activity, Track},
    },
    kernel::{
        Kernel,
        passes::{Guard, Slice, TileUniform, Variant},
    },
    plan::{Plan, Residency, SETS, TileSpace},
};

/// Opens a session for a launch, as it is planned, and hands it to `body`.
pub(super) fn serve(gpu: &Arc<Gpu>, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
    let (kernel, stop, track) = (launch.kernel, launch.stop, launch.track);
    gpu.check(kernel.name())?;
    let sliced: Vec<bool> = plan.bindings.iter().map(|binding| binding.residency == Residency::Streamed).collect();
    let watch = launch.watches_loops;
    let guard = if watch { None } else { plan.proven(kernel) }.map_or(Guard::All, Guard::Unproven);
    let variant = Variant { tiled: true, rows: 0, logical_length: sliced.clone(), sliced, guard, fuel: false, watch };
    let (pipeline, compile) = gpu.pipelines.get(gpu, kernel, &variant)?;
    trace::compiled(track, compile);
    if let Some(stop) = stop.filter(|stop| stop.is_due()) {
        return Err(stop.error(LeftBehind::Nothing));
    }
    let result = gpu.guarded(kernel.name(), "", || {
        let Some(layout) = &pipeline.tile else {
            return Err(Error::Device(kernel.message("a call in tiles has no pipeline for them")));
        };
        let status = watch.then(|| gpu.create_buffer(STATUS as u64, STATUS_USAGE, "status")).transpose()?;
        let layout = TileLayout { layout, status: status.as_ref() };
        let (space, sets) = acquire(gpu, kernel, plan)?;
        let mut session = GpuSession {
            gpu,
            kernel,
            plan,
            pipeline: &pipeline,
            layout,
            stop,
            track,
            metrics: Metrics::default(),
            space,
            sets,
            roles: Vec::with_capacity(launch.args.len()),
            clock: UnitClock::new(gpu)?,
            started: 0,
            flights: VecDeque::new(),
        };
        session.place_all(launch.args)?;
        session.metrics.compile = compile;
        body(&mut session)?;
        session.finish()
    });
    if result.is_err() {
        // What was made on the way may be invalid, which wgpu shows only at its next use.
        gpu.groups.clear();
        gpu.timers.clear();
    }
    result
}

/// A launch that is open on a GPU.
struct GpuSession<'a> {
    gpu: &'a Arc<Gpu>,
    kernel: &'a Kernel,
    plan: &'a Plan,
    pipeline: &'a Pipeline,
    layout: TileLayout<'a>,
    stop: Option<&'a Stop>,
    track: Option<Track<'a>>,
    metrics: Metrics,
    /// Runs as large as there are buffers for.
    space: TileSpace,
    sets: Vec<Vec<PooledBuffer<'a>>>,
    roles: Vec<Role<'a>>,
    clock: UnitClock,
    /// Runs that were started.
    started: usize,
    flights: VecDeque<Readback<Landing>>,
}

/// A binding while the session is open.
enum Role<'a> {
    /// On the device from the first unit to the last.
    Fixed(Argument<'a>),
    /// Likewise; other members write to the host's memory meanwhile, so that the bytes of each run come back with it.
    FixedShared { argument: Argument<'a>, host: &'a HostMemory<'a> },
    /// A copy in which the kernel accumulates, to be combined with the host's memory. `is_used` once it holds something.
    Merged { argument: Argument<'a>, host: &'a HostMemory<'a>, merge: Merge, is_used: bool },
    /// A part of it for each run.
    Streamed(Streamed<'a>),
}

/// The host's side of a binding that is streamed.
struct Streamed<'a> {
    /// Bytes of an element.
    element: u64,
    data: Data<'a>,
}

enum Data<'a> {
    Read(HostSlice<'a>),
    Own(HostMemory<'a>),
    Shared(&'a HostMemory<'a>),
}

impl<'a> Data<'a> {
    /// The memory, if the kernel may write it.
    fn host(&self) -> Option<&HostMemory<'a>> {
        match self {
            Data::Read(_) => None,
            Data::Own(host) => Some(host),
            Data::Shared(host) => Some(host),
        }
    }
}

/// The bytes of a binding that a run is given.
struct Extent {
    /// What the run touches, whole words.
    touched: Range<u64>,
    written: Range<u64>,
    /// The element that stands first in the run's buffer.
    first: u64,
}

/// Where bytes that come back with a run belong.
enum Landing {
    /// In binding `at`, from byte `start` on.
    Host { at: usize, start: u64, bytes: u64 },
    /// With the clock.
    Ticks,
    /// With whoever watches loops.
    Status,
}

impl Target for Landing {
    fn bytes(&self) -> u64 {
        match self {
            Landing::Host { bytes, .. } => *bytes,
            Landing::Ticks => TICKS as u64,
            Landing::Status => STATUS as u64,
        }
    }

    fn split_at(self, middle: u64) -> (Self, Self) {
        match self {
            Landing::Host { at, start, bytes } => (
                Landing::Host { at, start, bytes: middle },
                Landing::Host { at, start: start + middle, bytes: bytes - middle },
            ),
            Landing::Ticks | Landing::Status => unreachable!("a few words are one chunk"),
        }
    }
}

impl<'a> GpuSession<'a> {
    /// Puts on the device what stays there.
    fn place_all(&mut self, args: Vec<ArgData<'a>>) -> Result<()> {
        for (at, data) in args.into_iter().enumerate() {
            let role = self.role(at, data)?;
            self.roles.push(role);
        }
        Ok(())
    }

    fn role(&mut self, at: usize, data: ArgData<'a>) -> Result<Role<'a>> {
        let written = self.pipeline.written[at];
        if !is_streamed(self.plan, at) {
            let mut place = |data| place(self.gpu, self.kernel, at, data, written, &mut self.metrics, self.stop);
            return Ok(match data {
                ArgData::Shared(host) if written => Role::FixedShared { argument: place(data)?, host },
                ArgData::Merged(host, merge) => Role::Merged { argument: place(data)?, host, merge, is_used: false },
                data => Role::Fixed(place(data)?),
            });
        }
        let element = u64::from(self.kernel.bindings()[at].element_stride().unwrap_or(4));
        let data = match data {
            ArgData::Write(bytes) if written => Data::Own(HostMemory::new(bytes)),
            ArgData::Write(bytes) => Data::Read((&*bytes).into()),
            ArgData::Shared(host) | ArgData::Merged(host, _) => Data::Shared(host),
            ArgData::Read(bytes) | ArgData::Uniform(bytes) => Data::Read(bytes.into()),
            ArgData::ReadSlice(slice) => Data::Read(slice),
            ArgData::Resident(_) => Data::Read((&[][..]).into()),
        };
        Ok(Role::Streamed(Streamed { element, data }))
    }

    fn extent(&self, at: usize, element: u64, units: &Range<u32>) -> Extent {
        let (touched, written) = (self.plan.touches(at, units.clone()), self.plan.writes(at, units.clone()));
        // Words are what is copied; a buffer's last word may be half a one.
        let end = touched.end.next_multiple_of(4).min(self.plan.bindings[at].bytes);
        let touched = touched.start / 4 * 4..end;
        let first = touched.start / element.max(1);
        Extent { touched, written, first }
    }

    /// Uploads a run's part of a streamed binding to `held`; gives what binds it, its slice, and what is to come back.
    fn upload_part<'s>(
        &self,
        at: usize,
        streamed: &Streamed<'a>,
        held: &'s PooledBuffer<'a>,
        units: &Range<u32>,
    ) -> Result<Part<'s>> {
        let buffer = held.buffer();
        let extent = self.extent(at, streamed.element, units);
        let origin = extent.first * streamed.element;
        let length = (self.plan.bindings[at].bytes / streamed.element) as u32;
        let slice = Slice { first: extent.first as u32, length };
        let (offset, touched) = (extent.touched.start - origin, extent.touched.clone());
        let upload = |bytes: &[u8]| transfer::upload(self.gpu, &buffer.buffer, offset, bytes, self.stop);
        let mut part = Part { buffer, slice, bytes_up: touched.end - touched.start, landing: None };
        match &streamed.data {
            Data::Read(slice) => upload(slice.bytes(touched.clone()))?,
            Data::Own(_) | Data::Shared(_) if touched.is_empty() => {}
            data => {
                // Where every byte of every word is written anew, the old ones matter to nobody.
                let in_words = [extent.written.start, extent.written.end].iter().all(|end| end % 4 == 0);
                if in_words && self.plan.is_covered(at, units.clone()) {
                    part.bytes_up = 0;
                } else if let Some(host) = data.host() {
                    upload(&host.read(touched.clone()))?;
                }
                let start = extent.written.start / 4 * 4;
                let end = extent.written.end.min(touched.end);
                if self.pipeline.written[at] && start < end {
                    part.landing = Some((start - origin, Landing::Host { at, start, bytes: end - start }));
                }
            }
        }
        Ok(part)
    }

    /// Puts merged copies that were folded back to what changes nothing.
    fn renew_copies(&mut self) -> Result<()> {
        for (at, role) in self.roles.iter_mut().enumerate() {
            let Role::Merged { argument, host, merge, is_used } = role else { continue };
            if !*is_used && self.started > 0 {
                let identity = merge.identity_bytes(host.bytes());
                transfer::upload(self.gpu, &argument.place.buffer().buffer, 0, &identity, self.stop)?;
                self.metrics.bytes_up += identity.len() as u64;
                tracing::trace!(binding = at, "a merged copy starts anew");
            }
            *is_used = true;
        }
        Ok(())
    }

    /// Brings back what stayed on the device until the end.
    fn finish(mut self) -> Result<Metrics> {
        let mut pieces = Vec::new();
        for role in &mut self.roles {
            if let Role::Fixed(argument) = role
                && let Some(data) = argument.result.take()
            {
                self.metrics.bytes_down += data.len() as u64;
                pieces.push(Piece { source: &argument.place.buffer().buffer, offset: 0, data });
            }
        }
        if !pieces.is_empty() {
            transfer::finish(self.gpu, self.gpu.encoder(), pieces, self.stop)?;
        }
        self.metrics.kernel = self.clock.total();
        self.clock.put_back(self.gpu);
        Ok(self.metrics)
    }
}

/// A run's part of a streamed binding.
struct Part<'s> {
    buffer: &'s super::memory::DeviceBuffer,
    slice: Slice,
    bytes_up: u64,
    /// Where in the buffer what comes back starts, and where it belongs.
    landing: Option<(u64, Landing)>,
}

impl Session for GpuSession<'_> {
    fn most_units(&self) -> u32 {
        // Buffers that stay do not mind how long a run is.
        if self.sets.is_empty() { self.space.units() } else { self.space.units_per_tile() }
    }

    fn depth(&self) -> usize {
        SETS as usize
    }

    fn start(&mut self, units: Range<u32>) -> Result<()> {
        if let Some(stop) = self.stop.filter(|stop| stop.is_due()) {
            return Err(stop.error(LeftBehind::Unspecified));
        }
        let uploading = trace::span(self.track, Activity::Upload);
        self.renew_copies()?;
        let gpu = self.gpu;
        let mut slices = vec![Slice::default(); self.roles.len()];
        let mut landings = Vec::new();
        let mut bytes_up = 0;
        let set = self.sets.get(self.started % self.sets.len().max(1));
        let mut buffers = set.map_or(&[][..], Vec::as_slice).iter();
        let mut bound = Vec::with_capacity(self.roles.len());
        for (at, role) in self.roles.iter().enumerate() {
            match role {
                Role::Fixed(argument) | Role::Merged { argument, .. } => bound.push(argument.bound()),
                Role::FixedShared { argument, .. } => {
                    bound.push(argument.bound());
                    let written = self.plan.writes(at, units.clone());
                    let start = written.start / 4 * 4;
                    if !written.is_empty() {
                        let landing = Landing::Host { at, start, bytes: written.end - start };
                        landings.push((argument.place.buffer(), start, landing));
                    }
                }
                Role::Streamed(streamed) => {
                    let Some(held) = buffers.next() else { continue };
                    let part = self.upload_part(at, streamed, held, &units)?;
                    slices[at] = part.slice;
                    bytes_up += part.bytes_up;
                    landings.extend(part.landing.map(|(offset, landing)| (part.buffer, offset, landing)));
                    let bytes = padded(self.plan.tile_bytes(at, self.plan.tiles)).min(part.buffer.size);
                    bound.push(BoundBuffer { buffer: part.buffer, bytes });
                }
            }
        }
        drop(uploading);
        // Software drivers compute where others only take in what is submitted.
        let _submitting = trace::span(self.track, Activity::Wait);
        let group = gpu.groups.get(gpu, self.pipeline, &bound);
        let bound = BoundPipeline { pipeline: self.pipeline, group: &group };
        let part = self.plan.tiles.part(&units, self.plan.workgroups);
        let tile = TileUniform { origin: part.origin, fuel: 0, whole: part.whole, slices };
        let (layout, stop) = (self.layout, self.stop);
        let mut dispatches = 0;
        let encoder = self.clock.time(gpu, units.end - units.start, stop, |queries| {
            let (encoder, count) = record_tiles(gpu, bound, layout, &tile, part, queries, stop)?;
            dispatches = count;
            Ok(encoder)
        })?;
        let pieces = landings.into_iter().map(|(buffer, offset, data)| Piece { source: &buffer.buffer, offset, data });
        let ticks = self.clock.ticks().map(|source| Piece { source, offset: 0, data: Landing::Ticks });
        let status = self.layout.status.map(|source| Piece { source, offset: 0, data: Landing::Status });
        let flight = transfer::start_readback(gpu, encoder, pieces.chain(ticks).chain(status).collect())?;
        self.flights.push_back(flight);
        self.metrics.bytes_up += bytes_up;
        self.metrics.dispatches += dispatches;
        self.metrics.tiles += 1;
        self.started += 1;
        Ok(())
    }

    fn land(&mut self, patience: Option<Duration>) -> Result<()> {
        let _waiting = trace::span(self.track, Activity::Wait);
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        let Some(flight) = self.flights.front() else { return Ok(()) };
        flight.land(self.gpu, self.stop, until)?;
        // What is set stays set, for the session ends with it.
        let status = flight.look(self.gpu, |landing| matches!(landing, Landing::Status), Ended::from_status)?;
        match status {
            None | Some(Ended::ByItself) => Ok(()),
            Some(Ended::CutShort | Ended::OutOfFuel) => Err(cut_short(self.gpu, self.kernel)),
        }
    }

    fn settle(&mut self, units: &[Range<u32>]) -> Result<()> {
        let Some(flight) = self.flights.pop_front() else { return Ok(()) };
        let _downloading = trace::span(self.track, Activity::Download);
        let (track, landed) = (self.track, Instant::now());
        let (plan, roles, clock, metrics) = (self.plan, &self.roles, &mut self.clock, &mut self.metrics);
        flight.unload(self.gpu, |landing, bytes| match landing {
            Landing::Ticks => {
                let took = clock.landed(bytes);
                if let Some(track) = track {
                    track.computed(landed, took);
                }
            }
            Landing::Status => {}
            Landing::Host { at, start, bytes: count } => {
                let host = match &roles[at] {
                    Role::FixedShared { host, .. } => Some(*host),
                    Role::Streamed(streamed) => streamed.data.host(),
                    Role::Fixed(_) | Role::Merged { .. } => None,
                };
                let Some(host) = host else { return };
                for units in units {
                    let written = plan.writes(at, units.clone());
                    let range = written.start.max(start)..written.end.min(start + count);
                    if range.is_empty() {
                        continue;
                    }
                    let from = (range.start - start) as usize..(range.end - start) as usize;
                    metrics.bytes_down += from.len() as u64;
                    host.write(range).copy_from_slice(&bytes[from]);
                }
            }
        })
    }

    fn fold(&mut self) -> Result<()> {
        let gpu = self.gpu;
        let mut folds = Vec::new();
        for role in &self.roles {
            let Role::Merged { argument, host, merge, is_used: true } = role else { continue };
            let mut copy = vec![0; host.bytes() as usize];
            let source = &argument.place.buffer().buffer;
            let piece = Piece { source, offset: 0, data: &mut copy[..] };
            transfer::finish(gpu, gpu.encoder(), vec![piece], self.stop)?;
            folds.push((*host, *merge, copy));
        }
        // All of them are here: from now on nothing fails.
        for (host, merge, copy) in folds {
            self.metrics.bytes_down += copy.len() as u64;
            host.fold(merge, &copy);
        }
        for role in &mut self.roles {
            if let Role::Merged { is_used, .. } = role {
                *is_used = false;
            }
        }
        Ok(())
    }
}

/// Buffers for runs as large as planned; smaller ones where the device has less memory than it seemed to have.
fn acquire<'a>(gpu: &'a Gpu, kernel: &Kernel, plan: &Plan) -> Result<(TileSpace, Vec<Vec<PooledBuffer<'a>>>)> {
    let mut space = plan.tiles;
    loop {
        match acquire_sets(gpu, plan, space) {
            Err(Error::OutOfMemory(_)) if space.units_per_tile() > 1 => {
                space = space.narrowed(space.units_per_tile().div_ceil(2));
                tracing::warn!(kernel = kernel.name(), tiles = space.count(), "out of memory: smaller tiles");
            }
            sets => return Ok((space, sets?)),
        }
    }
}

fn acquire_sets<'a>(gpu: &'a Gpu, plan: &Plan, space: TileSpace) -> Result<Vec<Vec<PooledBuffer<'a>>>> {
    let streamed = || (0..plan.bindings.len()).filter(|&at| is_streamed(plan, at));
    let set = |_: usize| {
        let buffer =
            |at: usize| PooledBuffer::acquire(gpu, size_class(plan.tile_bytes(at, space)), &plan.bindings[at].name);
        streamed().map(buffer).collect::<Result<Vec<_>>>()
    };
    let count = if streamed().next().is_some() { SETS.min(space.count().into()) as usize } else { 0 };
    (0..count).map(set).collect()
}

fn is_streamed(plan: &Plan, at: usize) -> bool {
    plan.bindings[at].residency == Residency::Streamed
}
