//! Sequences on a GPU: many dispatches recorded into few passes, over bind groups and uniforms that were made once.
//!
//! Dispatches that follow each other share a compute pass; wgpu puts barriers between them where one needs what another
//! wrote. Command buffers cannot be used twice, so each turn records anew, and allocates nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Gpu,
    memory::{DeviceBuffer, GpuAllocation, padded},
    pipeline::{DATA_GROUP, Pipeline, TILE_GROUP},
    submit::{self, TICKS, TILES_AT_ONCE, Timer},
    transfer::{self, Piece},
};
use crate::{
    error::{Error, Message, Result},
    exec::{
        Allocation, Dispatch, Download, Metrics, Ready, Sequence, SequenceArg, SequenceTurn, Step,
        stop::{LeftBehind, Stop},
    },
    kernel::{Kernel, passes::TileUniform},
    plan::Part,
};

/// Steps that go in one submission: enough that the submission costs nothing beside them, and not so many that the
/// commands of a long sequence fill the memory.
const STEPS_AT_ONCE: usize = 4096;

/// Steps of the first submission of a turn that may have to stop. It can stop between two submissions.
const FIRST_STEPS: usize = 8;

/// How long a submission of a turn that may have to stop is to take: the number of steps is fitted to it.
const BETWEEN_STOPS: Duration = Duration::from_millis(20);

/// A sequence with its pipelines, bind groups and uniforms.
pub(super) struct Prepared {
    gpu: Arc<Gpu>,
    buffers: Vec<Arc<dyn Allocation>>,
    uniforms: Option<wgpu::Buffer>,
    dispatches: Vec<PreparedDispatch>,
    steps: Vec<Step>,
    /// Whether a pass can be timed: what goes beyond [`TILES_AT_ONCE`] has passes of its own.
    timed: bool,
}

/// A dispatch with all it binds.
struct PreparedDispatch {
    pipeline: Arc<Pipeline>,
    group: wgpu::BindGroup,
    workgroups: [u32; 3],
    tiles: Tiles,
}

/// What a grid is dispatched as.
enum Tiles {
    /// As it is.
    One,
    /// Several tiles: their origins, and the offset and size of each.
    Several { origins: wgpu::BindGroup, tiles: Vec<(u32, [u32; 3])> },
    /// So many that their origins are only made while they run.
    Many,
}

impl Prepared {
    /// Compiles and binds; gives the time spent compiling.
    pub fn new(gpu: &Arc<Gpu>, sequence: Sequence) -> Result<(Prepared, Duration)> {
        gpu.check("")?;
        let Sequence { buffers, uniforms, dispatches, steps } = sequence;
        let mut compile = Duration::ZERO;
        let limit = gpu.limits.max_compute_workgroups_per_dimension;
        let mut pipelines = Vec::with_capacity(dispatches.len());
        for dispatch in &dispatches {
            let tiled = dispatch.workgroups.iter().any(|count| *count > limit);
            let variant = gpu.pipelines.variant(&dispatch.kernel, tiled);
            let (pipeline, took) = gpu.pipelines.get(gpu, &dispatch.kernel, &variant)?;
            compile += took;
            pipelines.push(pipeline);
        }
        let prepared = gpu.guarded("", "chain", || {
            let uniforms = if uniforms.is_empty() {
                None
            } else {
                let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
                Some(gpu.create_buffer(4 * uniforms.len() as u64, usage, "uniforms of a chain")?)
            };
            let mut bound = Vec::with_capacity(dispatches.len());
            for (dispatch, pipeline) in dispatches.into_iter().zip(pipelines) {
                bound.push(PreparedDispatch::new(gpu, dispatch, pipeline, &buffers, uniforms.as_ref())?);
            }
            let timed = !bound.iter().any(|bound| matches!(bound.tiles, Tiles::Many));
            Ok(Prepared { gpu: Arc::clone(gpu), buffers, uniforms, dispatches: bound, steps, timed })
        })?;
        Ok((prepared, compile))
    }

    /// The wgpu buffer of that number.
    fn buffer(&self, gpu: &Arc<Gpu>, number: usize) -> Result<&DeviceBuffer> {
        device_buffer(gpu, &self.buffers[number])
    }
}

fn device_buffer<'b>(gpu: &Arc<Gpu>, allocation: &'b Arc<dyn Allocation>) -> Result<&'b DeviceBuffer> {
    let known = allocation.as_any().downcast_ref::<GpuAllocation>();
    let own = known.filter(|allocation| Arc::ptr_eq(&allocation.gpu, gpu));
    own.map(GpuAllocation::device_buffer).ok_or_else(|| {
        let message = Message::new(format!("a buffer of the chain is not on device `{}`", gpu.info.name));
        Error::Call(message.help("make all buffers of a chain on the device that runs it"))
    })
}

impl PreparedDispatch {
    fn new(
        gpu: &Arc<Gpu>,
        dispatch: Dispatch,
        pipeline: Arc<Pipeline>,
        buffers: &[Arc<dyn Allocation>],
        uniforms: Option<&wgpu::Buffer>,
    ) -> Result<PreparedDispatch> {
        let Dispatch { kernel, args, workgroups } = dispatch;
        let mut entries = Vec::with_capacity(args.len());
        for (binding, arg) in (0..).zip(args) {
            let (buffer, offset, bytes) = match arg {
                SequenceArg::Buffer { buffer, bytes } => {
                    (&device_buffer(gpu, &buffers[buffer])?.buffer, 0, padded(bytes))
                }
                SequenceArg::Uniform { offset, bytes } => {
                    let uniforms =
                        uniforms.ok_or_else(|| Error::Device(Message::new("a chain has lost its uniforms")))?;
                    (uniforms, offset as u64, padded(bytes as u64))
                }
            };
            let part = wgpu::BufferBinding { buffer, offset, size: wgpu::BufferSize::new(bytes) };
            entries.push(wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::Buffer(part) });
        }
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name()),
            layout: &pipeline.data,
            entries: &entries,
        });
        let tiles = Tiles::new(gpu, &kernel, &pipeline, workgroups)?;
        Ok(PreparedDispatch { pipeline, group, workgroups, tiles })
    }

    /// Dispatches there are to record.
    fn count(&self) -> u32 {
        if let Tiles::Several { tiles, .. } = &self.tiles { tiles.len() as u32 } else { 1 }
    }
}

impl Tiles {
    fn new(gpu: &Gpu, kernel: &Kernel, pipeline: &Pipeline, workgroups: [u32; 3]) -> Result<Tiles> {
        let Some(layout) = &pipeline.tile else { return Ok(Tiles::One) };
        let limit = gpu.limits.max_compute_workgroups_per_dimension;
        let parts: Vec<Part> = Part::whole(workgroups).split(limit).take(TILES_AT_ONCE + 1).collect();
        if parts.len() > TILES_AT_ONCE {
            return Ok(Tiles::Many);
        }
        let tile = TileUniform::new([0; 3], workgroups, kernel.bindings().len());
        let layout = submit::TileLayout { layout, status: None };
        let (origins, stride) = submit::bind_tiles(gpu, layout, &tile, &parts, None)?;
        let tiles = (0..).zip(&parts).map(|(number, part)| (number * stride, part.size)).collect();
        Ok(Tiles::Several { origins, tiles })
    }
}

/// Runs a turn and returns when its downloads are filled.
pub(super) fn run(ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
    let Some(prepared) = ready.downcast_ref::<Prepared>() else {
        return Err(Error::Device(Message::new("the chain was made ready by another device")));
    };
    let gpu = &prepared.gpu;
    if let Some(reason) = gpu.faults.loss() {
        let message = Message::new(format!("the device that the chain was built on is lost: {reason}"));
        return Err(Error::DeviceLost(
            message.subject("chain").help("build the chain anew; what was in its buffers is gone"),
        ));
    }
    gpu.check("")?;
    if let Some(stop) = turn.stop.filter(|stop| stop.is_due()) {
        return Err(stop.error(LeftBehind::Nothing));
    }
    let result = gpu.guarded("", "chain", || prepared.turn(gpu, turn));
    if result.is_err() {
        gpu.timers.clear();
    }
    result
}

impl Prepared {
    fn turn(&self, gpu: &Arc<Gpu>, turn: SequenceTurn<'_>) -> Result<Metrics> {
        let stop = turn.stop;
        let mut metrics = Metrics::default();
        for (number, data) in turn.all_uploads() {
            transfer::upload(gpu, &self.buffer(gpu, number)?.buffer, 0, data, stop)?;
            metrics.bytes_up += data.len() as u64;
        }
        let SequenceTurn { uniforms, uniforms_changed, steps, downloads, .. } = turn;
        if let Some(buffer) = self.uniforms.as_ref().filter(|_| uniforms_changed) {
            transfer::upload(gpu, buffer, 0, bytemuck::cast_slice(uniforms), stop)?;
        }
        let timer = if self.timed { gpu.timers.get(gpu)? } else { None };
        if timer.is_none() && metrics.bytes_up > 0 {
            // The time of the steps is measured from here: the uploads are not to count.
            gpu.wait(gpu.queue.submit([]), stop)?;
        }
        let start = Instant::now();
        let steps = &self.steps[steps];
        let mut recorder = Recorder::new(gpu, self, steps, timer.as_ref());
        match stop {
            None => recorder.all()?,
            Some(stop) => recorder.all_with(stop)?,
        }
        let Recorder { mut encoder, dispatches, timestamps, .. } = recorder;
        metrics.dispatches = dispatches;
        let mut pieces: Vec<Piece<'_, &mut [u8]>> = Vec::with_capacity(downloads.len() + 1);
        for Download { buffer, data, .. } in downloads {
            metrics.bytes_down += data.len() as u64;
            pieces.push(Piece { source: &self.buffer(gpu, buffer)?.buffer, offset: 0, data });
        }
        match timer {
            None => {
                transfer::finish(gpu, encoder, Vec::new(), stop)?;
                metrics.kernel = if dispatches == 0 { Duration::ZERO } else { start.elapsed() };
                if !pieces.is_empty() {
                    transfer::finish(gpu, gpu.encoder(), pieces, stop)?;
                }
            }
            Some(timer) => {
                let mut ticks = [0; TICKS];
                if timestamps {
                    encoder.resolve_query_set(&timer.queries, 0..2, &timer.resolved, 0);
                    pieces.push(Piece { source: &timer.resolved, offset: 0, data: &mut ticks[..] });
                }
                transfer::finish(gpu, encoder, pieces, stop)?;
                metrics.kernel = match dispatches {
                    0 => Duration::ZERO,
                    _ => timer.elapsed(&ticks).unwrap_or(start.elapsed()),
                };
                gpu.timers.put(timer);
            }
        }
        Ok(metrics)
    }
}

/// Records the steps of a turn and submits all but the last of them.
struct Recorder<'a> {
    gpu: &'a Arc<Gpu>,
    sequence: &'a Prepared,
    steps: &'a [Step],
    /// The next step to be recorded.
    next: usize,
    /// The step that ends the last pass.
    last: Option<usize>,
    queries: Option<&'a wgpu::QuerySet>,
    /// Whether the first timestamp is recorded.
    timestamps: bool,
    encoder: wgpu::CommandEncoder,
    dispatches: u32,
}

impl<'a> Recorder<'a> {
    fn new(gpu: &'a Arc<Gpu>, sequence: &'a Prepared, steps: &'a [Step], timer: Option<&'a Timer>) -> Self {
        Recorder {
            gpu,
            sequence,
            steps,
            next: 0,
            last: steps.iter().rposition(|step| matches!(step, Step::Dispatch(_))),
            queries: timer.map(|timer| &timer.queries),
            timestamps: false,
            encoder: gpu.encoder(),
            dispatches: 0,
        }
    }

    /// Records all steps. Two submissions are under way at most.
    fn all(&mut self) -> Result<()> {
        let mut before: Option<wgpu::SubmissionIndex> = None;
        loop {
            self.record(STEPS_AT_ONCE, None)?;
            if self.next == self.steps.len() {
                return Ok(());
            }
            let index = self.submit();
            if let Some(before) = before.replace(index) {
                self.gpu.wait(before, None)?;
            }
        }
    }

    /// The same, and looks for the end after each submission.
    fn all_with(&mut self, stop: &Stop) -> Result<()> {
        let mut count = FIRST_STEPS;
        while self.next < self.steps.len() {
            let start = Instant::now();
            self.record(count, Some(stop))?;
            let index = self.submit();
            self.gpu.wait(index, Some(stop))?;
            if stop.is_due() {
                return Err(stop.error(LeftBehind::Unspecified));
            }
            let took = start.elapsed();
            if took < BETWEEN_STOPS / 2 {
                count = (2 * count).min(STEPS_AT_ONCE);
            } else if took > BETWEEN_STOPS {
                count = (count / 2).max(1);
            }
        }
        Ok(())
    }

    fn submit(&mut self) -> wgpu::SubmissionIndex {
        let full = std::mem::replace(&mut self.encoder, self.gpu.encoder());
        self.gpu.queue.submit([full.finish()])
    }

    /// Records up to `count` steps.
    fn record(&mut self, count: usize, stop: Option<&Stop>) -> Result<()> {
        let end = (self.next + count).min(self.steps.len());
        while self.next < end {
            match self.steps[self.next] {
                Step::Zero { buffer, bytes } => {
                    let buffer = self.sequence.buffer(self.gpu, buffer as usize)?;
                    self.encoder.clear_buffer(&buffer.buffer, 0, Some(padded(bytes)));
                    self.next += 1;
                }
                Step::Dispatch(number) if matches!(self.bound(number).tiles, Tiles::Many) => {
                    self.many(number, stop)?;
                    self.next += 1;
                }
                Step::Dispatch(_) => self.pass(end),
            }
        }
        Ok(())
    }

    fn bound(&self, number: u32) -> &'a PreparedDispatch {
        &self.sequence.dispatches[number as usize]
    }

    /// Records the dispatches up to `end`, or up to a step of another kind, in one pass.
    fn pass(&mut self, end: usize) {
        let steps = &self.steps[..end];
        let run = steps[self.next..].iter().take_while(|step| match step {
            Step::Dispatch(number) => !matches!(self.bound(*number).tiles, Tiles::Many),
            Step::Zero { .. } => false,
        });
        let until = self.next + run.count();
        let (first, last) = (!self.timestamps, self.last.is_some_and(|last| until > last));
        let timestamps = self.queries.filter(|_| first || last).map(|query_set| wgpu::ComputePassTimestampWrites {
            query_set,
            beginning_of_pass_write_index: first.then_some(0),
            end_of_pass_write_index: last.then_some(1),
        });
        self.timestamps |= self.queries.is_some();
        let mut pass =
            self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: timestamps });
        let (mut pipeline, mut group) = (None, None);
        for step in &steps[self.next..until] {
            let Step::Dispatch(number) = *step else { continue };
            let bound = &self.sequence.dispatches[number as usize];
            if pipeline.replace(bound.pipeline.id) != Some(bound.pipeline.id) {
                pass.set_pipeline(&bound.pipeline.pipeline);
                group = None;
            }
            if group.replace(number) != Some(number) {
                pass.set_bind_group(DATA_GROUP, &bound.group, &[]);
            }
            match &bound.tiles {
                Tiles::Several { origins, tiles } => {
                    for (offset, [x, y, z]) in tiles {
                        pass.set_bind_group(TILE_GROUP, origins, &[*offset]);
                        pass.dispatch_workgroups(*x, *y, *z);
                    }
                }
                Tiles::One | Tiles::Many => {
                    let [x, y, z] = bound.workgroups;
                    pass.dispatch_workgroups(x, y, z);
                }
            }
            self.dispatches += bound.count();
        }
        drop(pass);
        self.next = until;
    }

    /// Records a grid of very many tiles, and submits most of them.
    fn many(&mut self, number: u32, stop: Option<&Stop>) -> Result<()> {
        let PreparedDispatch { pipeline, group, workgroups, .. } = self.bound(number);
        let Some(layout) = &pipeline.tile else {
            return Err(Error::Device(Message::new("a grid of many tiles has no pipeline for them")));
        };
        self.submit();
        let layout = submit::TileLayout { layout, status: None };
        let tile = TileUniform::new([0; 3], *workgroups, pipeline.written.len());
        let (encoder, dispatches) = submit::record_tiles(
            self.gpu,
            submit::BoundPipeline { pipeline, group },
            layout,
            &tile,
            Part::whole(*workgroups),
            None,
            stop,
        )?;
        self.encoder = encoder;
        self.dispatches += dispatches;
        Ok(())
    }
}
