//! Launches: arguments in, dispatches, results out.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{
    Gpu,
    bindings::{BoundBuffer, UniformSlot},
    device::lock,
    memory::{DeviceBuffer, GpuAllocation, padded, size_class},
    pipeline::{DATA_GROUP, Pipeline, TILE_GROUP},
    rows::{self, Rows},
    session,
    transfer::{self, Ending, Piece},
    turns::record_turns,
};
use crate::{
    error::{Error, Message, Result},
    exec::{
        ArgData, Launch, Metrics,
        host::HostSlice,
        session::{Alone, Session},
        stop::{LeftBehind, Stop},
        trace::{self, Activity},
    },
    kernel::{
        BindingKind, Kernel,
        passes::{CUT_SHORT, Guard, OUT_OF_FUEL, STATUS_WORDS, TileUniform},
    },
    plan::{Part, TileEvent},
};

/// Tiles that go in one submission. More are submitted in turn: a grid of many millions of workgroups
/// then neither needs much memory for its origins nor holds the device in one long command.
pub(super) const TILES_AT_ONCE: usize = 1024;

/// The same for a launch that may have to stop, which it can between two submissions.
const TILES_BETWEEN_STOPS: usize = 4;

/// Where an argument's data lies on the device.
pub(super) enum ArgumentMemory<'a> {
    /// Memory for this call, given back when it ends.
    PooledBuffer(PooledBuffer<'a>),
    Resident(&'a DeviceBuffer),
    Uniform(Arc<UniformSlot>),
}

impl ArgumentMemory<'_> {
    pub fn buffer(&self) -> &DeviceBuffer {
        match self {
            ArgumentMemory::PooledBuffer(held) => held.buffer(),
            ArgumentMemory::Resident(buffer) => buffer,
            ArgumentMemory::Uniform(slot) => &slot.buffer,
        }
    }
}

/// A buffer from the pool, which goes back when this is dropped.
pub(super) struct PooledBuffer<'a> {
    gpu: &'a Gpu,
    buffer: Option<DeviceBuffer>,
}

impl<'a> PooledBuffer<'a> {
    /// A buffer of `size` bytes with unspecified contents.
    pub fn acquire(gpu: &'a Gpu, size: u64, subject: &str) -> Result<Self> {
        let (buffer, _) = gpu.acquire(size, subject)?;
        Ok(PooledBuffer { gpu, buffer: Some(buffer) })
    }

    pub fn buffer(&self) -> &DeviceBuffer {
        self.buffer.as_ref().expect("a held buffer is there until it is dropped")
    }
}

impl Drop for PooledBuffer<'_> {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.gpu.release(buffer);
        }
    }
}

/// An argument on the device, and the host memory that its result goes to.
pub(super) struct Argument<'a> {
    pub place: ArgumentMemory<'a>,
    pub bytes: u64,
    pub result: Option<&'a mut [u8]>,
}

impl Argument<'_> {
    /// What a dispatch binds for it.
    pub fn bound(&self) -> BoundBuffer<'_> {
        BoundBuffer { buffer: self.place.buffer(), bytes: self.bytes }
    }
}

/// Runs a launch and returns when its results are in the arguments.
pub(super) fn launch(gpu: &Arc<Gpu>, launch: Launch<'_>) -> Result<Metrics> {
    if let Some(plan) = launch.plan.filter(|plan| plan.is_cut()) {
        let mut launch = launch;
        let mut alone = Alone::of(&mut launch);
        let mut body = |session: &mut dyn Session| alone.run(session, plan.tiles);
        return session::serve(gpu, launch, plan, &mut body);
    }
    gpu.check(launch.kernel.name())?;
    let mut launch = launch;
    let (kernel, stop, watcher) = (launch.kernel, launch.stop, launch.watcher.take());
    let fuel = gpu.rate.fuel(gpu, stop)?;
    match (launch_with(gpu, launch, fuel)?, stop) {
        // What it did until then is of no use to anybody.
        ((_, Ended::OutOfFuel), Some(stop)) => Err(stop.error(LeftBehind::Unspecified)),
        ((_, Ended::CutShort), _) => Err(cut_short(gpu, kernel)),
        ((metrics, _), _) => {
            if let Some(watcher) = watcher {
                watcher(TileEvent { tile: 0, tiles: 1, units_done: 1, units: 1 });
            }
            Ok(metrics)
        }
    }
}

/// How a kernel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    ByItself,
    OutOfFuel,
    /// The device cut a loop short.
    CutShort,
}

impl Ended {
    /// As a status says. A loop that was cut short may be what ran out of fuel, or have others run out of it.
    pub fn from_status(status: &[u8]) -> Ended {
        let is_set = |word: u32| status.chunks_exact(4).nth(word as usize).is_some_and(|word| word != [0; 4]);
        match (is_set(CUT_SHORT), is_set(OUT_OF_FUEL)) {
            (true, _) => Ended::CutShort,
            (false, true) => Ended::OutOfFuel,
            (false, false) => Ended::ByItself,
        }
    }
}

/// The error of a kernel whose loops the device cut short.
pub(super) fn cut_short(gpu: &Gpu, kernel: &Kernel) -> Error {
    let problem = format!("device `{}` ended a loop before its end, and its results are wrong", gpu.info.name);
    let help = "it ends loops of many iterations; use another device, such as `cpu`";
    Error::WrongResult(kernel.message(problem).help(help))
}

/// Runs a launch in one tile of data, whose loops have so much fuel, if there is a limit.
pub(super) fn launch_with(gpu: &Arc<Gpu>, launch: Launch<'_>, fuel: Option<u32>) -> Result<(Metrics, Ended)> {
    let (kernel, stop, track) = (launch.kernel, launch.stop, launch.track);
    let limit = gpu.limits.max_compute_workgroups_per_dimension;
    let rows = if launch.is_exact { None } else { Rows::of(kernel, launch.workgroups) };
    // What is dispatched, and what the uniform says of the whole.
    let (part, whole) = match rows {
        Some(Rows { workgroups, invocations }) => (Part::whole(workgroups), invocations),
        None => (Part::whole(launch.workgroups), launch.workgroups),
    };
    let tiled = part.size.iter().any(|count| *count > limit);
    let mut tile = TileUniform::new([0; 3], whole, launch.args.len());
    tile.fuel = fuel.unwrap_or(0);
    let mut variant = gpu.pipelines.variant(kernel, tiled);
    variant.rows = rows.map_or(0, |_| rows::WIDTH);
    variant.fuel = fuel.is_some();
    variant.watch = launch.watches_loops;
    if variant.has_status() {
        // The same pipeline for all: no proof counts.
        variant.guard = Guard::All;
    }
    let (mut pipeline, mut compile) = gpu.pipelines.get(gpu, kernel, &variant)?;
    let rated = Arc::clone(&pipeline);
    let flight = gpu.in_flight.begin();
    let turns = rated.rate.turns(part.size);
    if turns > 1 && !variant.tiled {
        variant.tiled = true;
        let (in_parts, took) = gpu.pipelines.get(gpu, kernel, &variant)?;
        (pipeline, compile) = (in_parts, compile + took);
    }
    trace::compiled(track, compile);
    if let Some(stop) = stop.filter(|stop| stop.is_due()) {
        return Err(stop.error(LeftBehind::Nothing));
    }
    let result = gpu.guarded(kernel.name(), "", || {
        let mut metrics = Metrics { compile, tiles: 1, ..Metrics::default() };
        let mut arguments = Vec::with_capacity(launch.args.len());
        let uploading = trace::span(track, Activity::Upload);
        for (index, data) in launch.args.into_iter().enumerate() {
            let argument = place(gpu, kernel, index, data, pipeline.written[index], &mut metrics, stop)?;
            arguments.push(argument);
        }
        drop(uploading);
        let _running = trace::span(track, Activity::Kernel);
        let until = launch.patience.map(|patience| Instant::now() + patience);
        let ending = (variant.has_status(), Ending { stop, until, landing: launch.landing });
        let ended = run(gpu, &pipeline, arguments, (&tile, part, turns), &mut metrics, ending)?;
        rated.rate.note(part.size, metrics.kernel, &flight);
        Ok((metrics, ended))
    });
    if result.is_err() {
        // What was made on the way may be invalid, which wgpu shows only at its next use.
        gpu.groups.clear();
        gpu.timers.clear();
    }
    result
}

/// Puts an argument's data on the device, if it is not there.
pub(super) fn place<'a>(
    gpu: &'a Arc<Gpu>,
    kernel: &Kernel,
    index: usize,
    data: ArgData<'a>,
    written: bool,
    metrics: &mut Metrics,
    stop: Option<&Stop>,
) -> Result<Argument<'a>> {
    let binding = &kernel.bindings()[index];
    let bytes = data.bytes();
    let (most, limit) = match binding.kind {
        BindingKind::Uniform => (gpu.limits.max_uniform_buffer_binding_size, "maxUniformBufferBindingSize"),
        _ => (gpu.limits.max_storage_buffer_binding_size, "maxStorageBufferBindingSize"),
    };
    if bytes > most {
        return Err(Error::Unsupported(
            Message::new(format!("holds {bytes} bytes; device `{}` binds at most {most} ({limit})", gpu.info.name))
                .kernel(kernel.name())
                .subject(&binding.name)
                .help("split the data into several calls, or use the device `cpu`"),
        ));
    }
    let mut hold = |slice: HostSlice<'_>| {
        let held = PooledBuffer::acquire(gpu, size_class(slice.whole), &binding.name)?;
        transfer::upload(gpu, &held.buffer().buffer, slice.first, slice.data, stop)?;
        metrics.bytes_up += slice.data.len() as u64;
        Ok(ArgumentMemory::PooledBuffer(held))
    };
    let (place, result) = match data {
        ArgData::Uniform(contents) => (ArgumentMemory::Uniform(gpu.uniforms.get(gpu, contents)?), None),
        ArgData::Read(contents) => (hold(contents.into())?, None),
        ArgData::ReadSlice(slice) => (hold(slice)?, None),
        ArgData::Write(contents) => (hold((&*contents).into())?, written.then_some(contents)),
        ArgData::Shared(host) => {
            let present = host.present();
            let slice = HostSlice { data: &host.read(present.clone()), first: present.start, whole: bytes };
            (hold(slice)?, None)
        }
        ArgData::Merged(host, merge) => (hold((&*merge.identity_bytes(host.bytes())).into())?, None),
        ArgData::Resident(allocation) => {
            let known = allocation.as_any().downcast_ref::<GpuAllocation>();
            match known.filter(|allocation| Arc::ptr_eq(&allocation.gpu, gpu)) {
                Some(allocation) => (ArgumentMemory::Resident(allocation.device_buffer()), None),
                None => {
                    if let Some(reason) = known.and_then(|allocation| allocation.gpu.faults.loss()) {
                        let problem = format!("its buffer is gone: device `{}` was lost: {reason}", gpu.info.name);
                        let message = kernel.message(problem).subject(&binding.name);
                        return Err(Error::DeviceLost(message.help("make the buffer anew, from data on the host")));
                    }
                    return Err(Error::Call(
                        Message::new(format!("its buffer is not on device `{}`", gpu.info.name))
                            .kernel(kernel.name())
                            .subject(&binding.name)
                            .help("make all buffers of a call on the device that runs it"),
                    ));
                }
            }
        }
    };
    Ok(Argument { place, bytes: padded(bytes), result })
}

/// Dispatches, waits, and brings the results back; `has_status` says whether the kernel tells how it ended.
fn run(
    gpu: &Gpu,
    pipeline: &Pipeline,
    mut arguments: Vec<Argument<'_>>,
    (tile, part, turns): (&TileUniform, Part, u32),
    metrics: &mut Metrics,
    (has_status, ending): (bool, Ending<'_>),
) -> Result<Ended> {
    let stop = ending.stop;
    let results: Vec<_> = arguments.iter_mut().map(|argument| argument.result.take()).collect();
    let bound: Vec<_> = arguments.iter().map(Argument::bound).collect();
    let group = gpu.groups.get(gpu, pipeline, &bound);
    let mut pieces = Vec::new();
    for (part, data) in bound.iter().zip(results) {
        if let Some(data) = data {
            metrics.bytes_down += data.len() as u64;
            pieces.push(Piece { source: &part.buffer.buffer, offset: 0, data });
        }
    }

    let status = has_status.then(|| gpu.create_buffer(STATUS as u64, STATUS_USAGE, "status")).transpose()?;
    let mut ended = [0; STATUS];

    // What comes in between would count: for parts there is the host's clock.
    let timer = if turns == 1 { gpu.timers.get(gpu)? } else { None };
    if timer.is_none() && metrics.bytes_up > 0 {
        // The time of the dispatch is measured from here: the uploads are not to count.
        gpu.wait(gpu.queue.submit([]), stop)?;
    }
    let start = Instant::now();
    let queries = timer.as_ref().map(|timer| &timer.queries);
    let (mut encoder, dispatches) = match &pipeline.tile {
        None => (record_one(gpu, pipeline, &group, part.size, queries), 1),
        Some(layout) => {
            let layout = TileLayout { layout, status: status.as_ref() };
            let bound = BoundPipeline { pipeline, group: &group };
            match turns {
                1 => record_tiles(gpu, bound, layout, tile, part, queries, stop)?,
                _ => record_turns(gpu, bound, layout, (tile, part), turns, stop)?,
            }
        }
    };
    metrics.dispatches = dispatches;
    if stop.is_some() {
        // By itself: some drivers let a second submission wait for the first, and no clock ends that wait.
        transfer::finish(gpu, std::mem::replace(&mut encoder, gpu.encoder()), Vec::new(), stop)?;
    }
    if let Some(source) = &status {
        // Before anything comes back: results that are wrong change nothing on the host.
        let piece = Piece { source, offset: 0, data: &mut ended[..] };
        transfer::finish(gpu, std::mem::replace(&mut encoder, gpu.encoder()), vec![piece], stop)?;
    }
    let ended = Ended::from_status(&ended);
    if ended != Ended::ByItself {
        timer.into_iter().for_each(|timer| gpu.timers.put(timer));
        metrics.kernel = start.elapsed();
        return Ok(ended);
    }
    match timer {
        None => {
            transfer::finish_as(gpu, encoder, Vec::new(), ending)?;
            metrics.kernel = start.elapsed();
            if !pieces.is_empty() {
                transfer::finish_as(gpu, gpu.encoder(), pieces, ending)?;
            }
        }
        Some(timer) => {
            encoder.resolve_query_set(&timer.queries, 0..2, &timer.resolved, 0);
            let mut ticks = [0; TICKS];
            pieces.push(Piece { source: &timer.resolved, offset: 0, data: &mut ticks[..] });
            transfer::finish_as(gpu, encoder, pieces, ending)?;
            metrics.kernel = timer.elapsed(&ticks).unwrap_or(start.elapsed());
            gpu.timers.put(timer);
        }
    }
    Ok(ended)
}

pub(super) fn begin_pass<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    pipeline: &Pipeline,
    group: &wgpu::BindGroup,
    timestamps: Option<wgpu::ComputePassTimestampWrites<'_>>,
) -> wgpu::ComputePass<'e> {
    let mut pass =
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: timestamps });
    pass.set_pipeline(&pipeline.pipeline);
    pass.set_bind_group(DATA_GROUP, group, &[]);
    pass
}

/// The grid in one dispatch.
fn record_one(
    gpu: &Gpu,
    pipeline: &Pipeline,
    group: &wgpu::BindGroup,
    [x, y, z]: [u32; 3],
    queries: Option<&wgpu::QuerySet>,
) -> wgpu::CommandEncoder {
    let mut encoder = gpu.encoder();
    let timestamps = queries.map(|query_set| wgpu::ComputePassTimestampWrites {
        query_set,
        beginning_of_pass_write_index: Some(0),
        end_of_pass_write_index: Some(1),
    });
    begin_pass(&mut encoder, pipeline, group, timestamps).dispatch_workgroups(x, y, z);
    encoder
}

/// Bytes of the status.
pub(super) const STATUS: usize = 4 * STATUS_WORDS as usize;

pub(super) const STATUS_USAGE: wgpu::BufferUsages = wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_SRC);

/// A pipeline with its data bound.
#[derive(Clone, Copy)]
pub(super) struct BoundPipeline<'a> {
    pub pipeline: &'a Pipeline,
    pub group: &'a wgpu::BindGroup,
}

/// What a variant that reads the tile's uniform binds beside the data.
#[derive(Clone, Copy)]
pub(super) struct TileLayout<'a> {
    pub layout: &'a wgpu::BindGroupLayout,
    pub status: Option<&'a wgpu::Buffer>,
}

/// A part of a grid, in as many dispatches as it takes. All but the last submission are made here; the last one's encoder is returned
/// with the number of dispatches. A launch that may have to stop waits for each submission before the next.
pub(super) fn record_tiles(
    gpu: &Gpu,
    BoundPipeline { pipeline, group }: BoundPipeline<'_>,
    layout: TileLayout<'_>,
    tile: &TileUniform,
    part: Part,
    queries: Option<&wgpu::QuerySet>,
    stop: Option<&Stop>,
) -> Result<(wgpu::CommandEncoder, u32)> {
    let mut parts = part.split(gpu.limits.max_compute_workgroups_per_dimension).peekable();
    let at_once = if stop.is_some() { TILES_BETWEEN_STOPS } else { TILES_AT_ONCE };
    let (mut encoder, mut dispatches) = (gpu.encoder(), 0);
    while parts.peek().is_some() {
        if dispatches != 0 {
            let full = std::mem::replace(&mut encoder, gpu.encoder());
            let index = gpu.queue.submit([full.finish()]);
            if let Some(stop) = stop {
                gpu.wait(index, Some(stop))?;
                if stop.is_due() {
                    return Err(stop.error(LeftBehind::Unspecified));
                }
            }
        }
        let batch: Vec<_> = parts.by_ref().take(at_once).collect();
        let (origins, stride) = bind_tiles(gpu, layout, tile, &batch, stop)?;
        let (first, last) = (dispatches == 0, parts.peek().is_none());
        let timestamps = queries.filter(|_| first || last).map(|query_set| wgpu::ComputePassTimestampWrites {
            query_set,
            beginning_of_pass_write_index: first.then_some(0),
            end_of_pass_write_index: last.then_some(1),
        });
        let mut pass = begin_pass(&mut encoder, pipeline, group, timestamps);
        for (number, Part { size: [x, y, z], .. }) in (0..).zip(&batch) {
            pass.set_bind_group(TILE_GROUP, &origins, &[number * stride]);
            pass.dispatch_workgroups(*x, *y, *z);
        }
        dispatches += batch.len() as u32;
    }
    Ok((encoder, dispatches))
}

/// Binds the uniforms of parts of a grid, each `tile` with the part's origin; gives also the bytes from one to the next.
pub(super) fn bind_tiles(
    gpu: &Gpu,
    TileLayout { layout, status }: TileLayout<'_>,
    tile: &TileUniform,
    parts: &[Part],
    stop: Option<&Stop>,
) -> Result<(wgpu::BindGroup, u32)> {
    let bytes = TileUniform::size(tile.slices.len());
    let stride = bytes.next_multiple_of(u64::from(gpu.limits.min_uniform_buffer_offset_alignment));
    let mut contents = vec![0; stride as usize * parts.len()];
    for (part, bytes) in parts.iter().zip(contents.chunks_mut(stride as usize)) {
        TileUniform { origin: part.origin, ..tile.clone() }.write(bytes);
    }
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let origins = gpu.create_buffer(contents.len() as u64, usage, "tile origins")?;
    transfer::upload(gpu, &origins, 0, &contents, stop)?;
    let origin = wgpu::BindGroupEntry {
        binding: 0,
        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &origins,
            offset: 0,
            size: wgpu::BufferSize::new(bytes),
        }),
    };
    let status = status.map(|status| wgpu::BindGroupEntry { binding: 1, resource: status.as_entire_binding() });
    let entries: Vec<_> = std::iter::once(origin).chain(status).collect();
    let group =
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("tiles"), layout, entries: &entries });
    Ok((group, stride as u32))
}

/// Bytes of the two timestamps around a dispatch.
pub(super) const TICKS: usize = 2 * wgpu::QUERY_SIZE as usize;

/// Takes the time of a dispatch by the device's clock.
pub(super) struct Timer {
    pub queries: wgpu::QuerySet,
    pub resolved: wgpu::Buffer,
    /// Nanoseconds of a tick.
    period: f32,
}

impl Timer {
    /// The time between two timestamps, if they make sense.
    pub fn elapsed(&self, ticks: &[u8]) -> Option<Duration> {
        elapsed(ticks, self.period)
    }
}

/// The time between two timestamps of `period` nanoseconds a tick. Nothing if they were not written or go backwards; one
/// tick where it was too short for the clock.
fn elapsed(ticks: &[u8], period: f32) -> Option<Duration> {
    let (start, end) = ticks.split_at_checked(TICKS / 2)?;
    let tick = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?)).filter(|tick| *tick != 0);
    let ticks = tick(end)?.checked_sub(tick(start)?)?.max(1);
    Some(Duration::from_nanos((ticks as f64 * f64::from(period)).ceil() as u64))
}

/// The timers of a device that are not in use.
pub(super) struct Timers {
    /// Whether the device has a clock.
    exist: bool,
    /// Whether that is worth asking for what the host's clock could time as well.
    pay: bool,
    free: Mutex<Vec<Timer>>,
}

impl Timers {
    pub fn new(exist: bool, pay: bool) -> Self {
        Timers { exist, pay, free: Mutex::default() }
    }

    /// Whether the device's clock times launches in one tile.
    pub fn time_launches(&self) -> bool {
        self.exist && self.pay
    }

    /// A timer for work that nothing else goes on beside; `None` if it is to be timed from the host.
    pub fn get(&self, gpu: &Gpu) -> Result<Option<Timer>> {
        if self.time_launches() { self.get_beside_transfers(gpu) } else { Ok(None) }
    }

    /// A timer for dispatches that transfers go on beside, which the host cannot tell apart; `None` if the device has
    /// no clock.
    pub fn get_beside_transfers(&self, gpu: &Gpu) -> Result<Option<Timer>> {
        if !self.exist {
            return Ok(None);
        }
        if let Some(timer) = lock(&self.free).pop() {
            return Ok(Some(timer));
        }
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("kernel time"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let resolved = gpu.create_buffer(TICKS as u64, usage, "kernel time")?;
        Ok(Some(Timer { queries, resolved, period: gpu.queue.get_timestamp_period() }))
    }

    pub fn put(&self, timer: Timer) {
        lock(&self.free).push(timer);
    }

    pub fn clear(&self) {
        lock(&self.free).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_times_only_where_they_make_sense() {
        let nanos = |start: u64, end: u64, period| {
            let ticks = [start.to_le_bytes(), end.to_le_bytes()].concat();
            elapsed(&ticks, period).map(|time| time.as_nanos())
        };
        assert_eq!(nanos(100, 1100, 1.0), Some(1000));
        assert_eq!(nanos(100, 1100, 52.5), Some(52_500));
        assert_eq!(nanos(100, 100, 40.0), Some(40), "too short for the clock");
        assert_eq!(nanos(0, 0, 1.0), None, "never written");
        assert_eq!(nanos(100, 99, 1.0), None, "backwards");
        assert_eq!(elapsed(&[], 1.0), None);
    }
}
