//! The GPU backend: kernels through wgpu, on Vulkan, Metal and DirectX 12.
//!
//! `device` finds adapters and opens them, `pipeline` compiles, `memory` and `transfer` keep and move
//! bytes, `bindings` and `submit` run launches. This is the only part of the crate that knows wgpu.
//!
//! Every call opens wgpu's error scopes, does its work and closes them before it returns; what they
//! caught becomes the call's error. Calls may come from many threads: each waits for its own
//! submission.
//!
//! Nothing that is submitted can be called back. A call that has to stop returns, and leaves the device in quarantine:
//! everything else on it is refused until what was submitted so far is done.

mod bindings;
mod clock;
mod device;
mod disk;
mod fuel;
mod memory;
mod pipeline;
mod rows;
mod sequence;
mod session;
mod submit;
#[cfg(test)]
mod tests;
mod transfer;
mod turns;

use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::{
    device::{Faults, OpenDevice, Origin, Scopes, lock, translate},
    memory::GpuAllocation,
};
use super::{
    Allocation, Backend, Launch, Metrics, Ready, Sequence, SequenceTurn,
    session::Body,
    stop::{LeftBehind, Stop},
};
use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
    kernel::Kernel,
    plan::{Plan, request::Capacity},
};

/// Opens every GPU of this machine. None is an empty list, not an error.
pub(crate) fn discover() -> Vec<Arc<dyn Backend>> {
    device::open_all().into_iter().map(|open| Arc::new(GpuBackend::new(open)) as Arc<dyn Backend>).collect()
}

/// A GPU.
pub(crate) struct GpuBackend {
    info: DeviceInfo,
    /// The device as it was opened last.
    open: RwLock<Arc<Gpu>>,
    meter: Arc<memory::Meter>,
    /// Where to find it again when it is lost, and when that was last tried.
    origin: Option<Origin>,
    tried: Mutex<Option<Instant>>,
}

/// The longest single wait for a device to be idle.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait before a lost device is looked for again.
const LOOKED_FOR: Duration = Duration::from_secs(1);

/// An open device with all that is kept for it. Allocations share it, and keep it open.
struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: DeviceInfo,
    limits: wgpu::Limits,
    faults: Arc<Faults>,
    /// Calls that were given up, and whose work is not known to be done.
    given_up: Arc<AtomicUsize>,
    pipelines: pipeline::Pipelines,
    disk: disk::DiskCache,
    pool: memory::Pool,
    meter: Arc<memory::Meter>,
    staging: transfer::Staging,
    uniforms: bindings::Uniforms,
    groups: bindings::BindGroups,
    timers: submit::Timers,
    rate: fuel::Rate,
    in_flight: turns::InFlight,
}

/// Uses a device that the caller opened. Its device-lost callback is taken over; its handler of
/// uncaptured errors is left alone.
pub(crate) fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Result<Arc<dyn Backend>> {
    Ok(Arc::new(GpuBackend::new(device::describe(device, queue, false)?)))
}

impl GpuBackend {
    fn new(open: OpenDevice) -> Self {
        let mut open = open;
        let (info, origin) = (open.info.clone(), open.origin.take());
        let meter = Arc::default();
        let open = RwLock::new(Arc::new(Gpu::new(open, &meter)));
        GpuBackend { info, open, meter, origin, tried: Mutex::default() }
    }

    /// The device. One that was lost is opened anew, if it is there again.
    fn gpu(&self) -> Arc<Gpu> {
        let gpu = Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner));
        if gpu.faults.loss().is_none() {
            return gpu;
        }
        let Some(origin) = &self.origin else { return gpu };
        let mut tried = lock(&self.tried);
        // Somebody may have found it meanwhile.
        let current = Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner));
        if current.faults.loss().is_none() || tried.is_some_and(|at| at.elapsed() < LOOKED_FOR) {
            return current;
        }
        *tried = Some(Instant::now());
        let Some(open) = origin.open() else { return current };
        tracing::warn!(device = self.info.name, "a lost device was found again");
        let gpu = Arc::new(Gpu::new(open, &self.meter));
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&gpu);
        gpu
    }
}

/// A device of this machine that nobody else uses, and what destroys it.
#[cfg(all(test, feature = "cpu"))]
pub(crate) fn destructible() -> Option<(Arc<dyn Backend>, impl Fn())> {
    let backend = device::open_all().into_iter().next().map(GpuBackend::new)?;
    let device = backend.gpu().device.clone();
    Some((Arc::new(backend) as Arc<dyn Backend>, move || device.destroy()))
}

/// A device of this machine that nobody else uses, and what tells the most bytes of storage buffers that it ever had.
#[cfg(all(test, feature = "cpu"))]
pub(crate) fn metered() -> Option<(Arc<dyn Backend>, impl Fn() -> u64)> {
    let backend = device::open_all().into_iter().next().map(GpuBackend::new)?;
    let meter = Arc::clone(&backend.meter);
    Some((Arc::new(backend) as Arc<dyn Backend>, move || meter.most()))
}

impl Gpu {
    fn new(open: OpenDevice, meter: &Arc<memory::Meter>) -> Gpu {
        let OpenDevice { device, queue, info, limits, features, faults, origin: _ } = open;
        let timestamps = features.contains(wgpu::Features::TIMESTAMP_QUERY);
        // A launch on what runs on the CPU is timed by the host's clock, which costs no extra commands.
        let timers = submit::Timers::new(timestamps, info.kind != DeviceKind::SoftwareGpu);
        let disk = disk::DiskCache::open(&device, disk::folder().as_deref());
        Gpu {
            device,
            queue,
            info,
            limits,
            faults,
            given_up: Arc::default(),
            pipelines: pipeline::Pipelines::default(),
            disk,
            pool: memory::Pool::default(),
            meter: Arc::clone(meter),
            staging: transfer::Staging::default(),
            uniforms: bindings::Uniforms::default(),
            groups: bindings::BindGroups::default(),
            timers,
            rate: fuel::Rate::default(),
            in_flight: turns::InFlight::default(),
        }
    }
}

/// The wgpu buffer behind an allocation of this backend; `None` for another backend's.
///
/// From then on the buffer is not used again for other allocations.
pub(crate) fn wgpu_buffer(allocation: &dyn Allocation) -> Option<wgpu::Buffer> {
    allocation.as_any().downcast_ref::<GpuAllocation>().map(GpuAllocation::expose)
}

impl Gpu {
    fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// Does `work` inside of error scopes. What they caught comes before what `work` says: it is
    /// nearer to the cause.
    fn guarded<T>(&self, kernel: &str, subject: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let scopes = Scopes::open(&self.device);
        let result = work();
        let caught = scopes.close();
        if caught.is_some() || result.is_err() {
            // If the device was lost, that is the cause; wgpu tells it in a poll.
            let _ = self.poll();
        }
        self.faults.check()?;
        match caught {
            Some(error) => Err(translate(error, &self.info.name, kernel, subject)),
            None => result,
        }
    }

    /// Refuses work on a device that is lost, on which something has failed unseen, or that still runs a call that was
    /// given up. `kernel` is the one that asks, if any.
    fn check(&self, kernel: &str) -> Result<()> {
        self.faults.check()?;
        if self.given_up.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        self.poll()?;
        if self.given_up.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        Err(Error::Busy(
            Message::new(format!(
                "device `{}` still runs a call that was given up, and takes no other until it is done",
                self.info.name
            ))
            .kernel(kernel)
            .help("try again later, or use another device, such as `cpu`"),
        ))
    }

    /// Waits for a submission, and gives it up when `stop` says so.
    fn wait(&self, index: wgpu::SubmissionIndex, stop: Option<&Stop>) -> Result<()> {
        self.wait_until(index, stop, None)
    }

    /// As [`wait`](Gpu::wait), and gives it up as hung at the time `until`.
    fn wait_until(&self, index: wgpu::SubmissionIndex, stop: Option<&Stop>, until: Option<Instant>) -> Result<()> {
        let how = |timeout| wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout };
        if stop.is_none() && until.is_none() {
            return self.poll_as(how(None)).map(|_done| ());
        }
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let patience = stop.map(Stop::patience).into_iter().chain(left).min();
            if self.poll_as(how(patience))? {
                return Ok(());
            }
            if let Some(stop) = stop.filter(|stop| stop.is_due()) {
                self.give_up();
                return Err(stop.error(LeftBehind::Running(&self.info.name)));
            }
            if left.is_some_and(|left| left.is_zero()) {
                self.give_up();
                return Err(Error::Hung(
                    Message::new("the device has not answered in many times the time that was expected")
                        .subject(&self.info.name)
                        .help("it takes no other call until it is done; use another device meanwhile, such as `cpu`"),
                ));
            }
        }
    }

    /// Leaves what was submitted to itself. wgpu keeps alive whatever the device still uses, and host memory is never
    /// written by the device itself.
    fn give_up(&self) {
        self.given_up.fetch_add(1, Ordering::AcqRel);
        let given_up = Arc::clone(&self.given_up);
        self.queue.on_submitted_work_done(move || {
            given_up.fetch_sub(1, Ordering::AcqRel);
        });
    }

    /// Runs the callbacks of what is done.
    fn poll(&self) -> Result<()> {
        self.poll_as(wgpu::PollType::Poll).map(|_done| ())
    }

    /// Waits for all that was submitted so far, whatever comes of it.
    fn wait_idle(&self) {
        let _ = self.poll_as(wgpu::PollType::wait_indefinitely());
    }

    /// Waits until what was given up is done, for `limit` at most.
    fn wait_until_idle(&self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let left = limit.saturating_sub(start.elapsed());
            match self.check("") {
                Err(Error::Busy(_)) if !left.is_zero() => {}
                checked => return checked,
            }
            // Some drivers add a timeout to a clock that overflows.
            let timeout = Some(left.min(PATIENCE));
            self.poll_as(wgpu::PollType::Wait { submission_index: None, timeout })?;
        }
    }

    /// Polls; whether what was waited for is done.
    fn poll_as(&self, how: wgpu::PollType) -> Result<bool> {
        // wgpu panics in a poll on a device that was lost.
        let polled = panic::catch_unwind(AssertUnwindSafe(|| self.device.poll(how)));
        match polled {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(wgpu::PollError::Timeout)) => Ok(false),
            Ok(Err(error)) => {
                self.faults.check()?;
                Err(Error::Device(
                    Message::new(format!("waiting for the device failed: {error}")).subject(&self.info.name),
                ))
            }
            Err(_) => {
                self.faults.lose("it stopped while it was waited for".to_string());
                self.faults.check().map(|()| false)
            }
        }
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        let _ = self.poll();
        if self.given_up.load(Ordering::Acquire) != 0 {
            // wgpu waits for the queue when it drops it, which may take for ever.
            mem::forget((self.device.clone(), self.queue.clone()));
            return;
        }
        // Callbacks that have not run hold buffers, and those the device.
        self.wait_idle();
    }
}

impl Backend for GpuBackend {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn capacity(&self) -> Option<Capacity> {
        Some(Capacity::of(&self.info))
    }

    fn keep_below(&self, bytes: Option<u64>) {
        self.meter.limit(bytes);
    }

    #[cfg(feature = "nvml")]
    fn bus_id(&self) -> Option<String> {
        let id = self.gpu().device.adapter_info().device_pci_bus_id;
        (!id.is_empty()).then_some(id)
    }

    fn supports(&self, _kernel: &Kernel) -> Result<()> {
        self.gpu().faults.check()
    }

    fn shape(&self, kernel: &Kernel, workgroups: [u32; 3]) -> Option<[u32; 3]> {
        rows::shape(kernel, workgroups)
    }

    fn wait_until_idle(&self, limit: Duration) -> Result<()> {
        self.gpu().wait_until_idle(limit)
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        let gpu = self.gpu();
        gpu.faults.check()?;
        let mut variant = gpu.pipelines.variant(kernel, false);
        let (_, mut took) = gpu.pipelines.get(&gpu, kernel, &variant)?;
        // For grids of all sizes: large ones of small workgroups run in rows.
        variant.rows = rows::usual(kernel);
        if variant.rows > 0 {
            took += gpu.pipelines.get(&gpu, kernel, &variant)?.1;
        }
        Ok(took)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        Ok(Arc::new(GpuAllocation::new(&self.gpu(), bytes, label)?))
    }

    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        submit::launch(&self.gpu(), launch)
    }

    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics> {
        session::serve(&self.gpu(), launch, plan, body)
    }

    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        let (prepared, compile) = sequence::Prepared::new(&self.gpu(), sequence)?;
        Ok((Box::new(prepared), compile))
    }

    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        sequence::run(ready, turn)
    }
}
