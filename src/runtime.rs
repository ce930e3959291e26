//! Devices, and the runtime that holds them.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytemuck::Pod;

use crate::{
    buffer::Buffer,
    call::{Call, worker::Worker},
    chain::ChainBuilder,
    error::{Error, Message, Result},
    exec::{Backend, DeviceInfo, DeviceKind, null::NullBackend},
    kernel::{Kernel, Module},
    plan::{
        self, Misfit, Plan, PlanCache,
        request::{Capacity, Given},
    },
};

/// The devices of the machine, and the way in to everything that runs on them. Cheap to clone.
///
/// ```
/// let rt = swath::Runtime::new()?;
/// for device in rt.devices() {
///     println!("{}: {}", device.alias(), device.name());
/// }
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<RuntimeInner>,
}

struct RuntimeInner {
    devices: Vec<Device>,
    /// What `auto` means, best first.
    preferred: Vec<Device>,
    /// `SWATH_DEVICE`, as it was when the runtime was made.
    default: Option<String>,
    /// Calls that were planned before.
    plans: PlanCache,
}

/// A device of a [`Runtime`]: a GPU, or the CPU engine. Cheap to clone.
#[derive(Clone)]
pub struct Device {
    pub(crate) inner: Arc<DeviceInner>,
}

pub(crate) struct DeviceInner {
    pub backend: Arc<dyn Backend>,
    /// Unlike every other device's of this process.
    pub number: u32,
    alias: String,
    /// The largest binding it takes, in bytes.
    pub max_binding: u64,
    /// The largest buffer it makes, in bytes.
    pub max_buffer: u64,
    worker: OnceLock<Worker>,
}

/// Which device a call runs on: a [`Device`], or a name as [`Runtime::device`] takes it.
#[derive(Clone, Debug)]
pub struct DeviceChoice<'a>(Choice<'a>);

#[derive(Clone, Debug)]
enum Choice<'a> {
    Device(Device),
    Name(&'a str),
}

impl From<Device> for DeviceChoice<'_> {
    fn from(device: Device) -> Self {
        DeviceChoice(Choice::Device(device))
    }
}

impl From<&Device> for DeviceChoice<'_> {
    fn from(device: &Device) -> Self {
        DeviceChoice(Choice::Device(device.clone()))
    }
}

impl<'a> From<&'a str> for DeviceChoice<'a> {
    fn from(name: &'a str) -> Self {
        DeviceChoice(Choice::Name(name))
    }
}

impl<'a> From<&'a String> for DeviceChoice<'a> {
    fn from(name: &'a String) -> Self {
        DeviceChoice(Choice::Name(name))
    }
}

impl Device {
    pub(crate) fn new(backend: Arc<dyn Backend>, alias: String) -> Device {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let limit =
            |name| backend.info().limits.iter().find(|(limit, _)| *limit == name).map_or(u64::MAX, |&(_, value)| value);
        let inner = DeviceInner {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            alias,
            max_binding: limit("maxStorageBufferBindingSize"),
            max_buffer: limit("maxBufferSize"),
            worker: OnceLock::new(),
            backend,
        };
        Device { inner: Arc::new(inner) }
    }

    /// What the device is: name, kind, limits, features.
    pub fn info(&self) -> &DeviceInfo {
        self.inner.backend.info()
    }

    /// The device's name, as its driver gives it.
    pub fn name(&self) -> &str {
        &self.info().name
    }

    /// What kind of hardware.
    pub fn kind(&self) -> DeviceKind {
        self.info().kind
    }

    /// The short name that [`Runtime::device`] takes: `cpu`, `gpu:0`.
    pub fn alias(&self) -> &str {
        &self.inner.alias
    }

    /// Compiles `kernel` for the device, unless that has been done; gives the time it took.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the kernel needs what the device lacks.
    pub fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        kernel.check_complete()?;
        Ok(self.accepts(kernel)? + self.inner.backend.prepare(kernel)?)
    }

    /// Refuses a kernel that needs what the device lacks. Gives the time it took to find out, the
    /// first time: some of it may be compilation.
    pub(crate) fn accepts(&self, kernel: &Kernel) -> Result<Duration> {
        kernel.accepted_on(self.inner.number, || {
            kernel.inner.requirements.check(kernel.name(), self.info())?;
            self.inner.backend.supports(kernel)
        })
    }

    /// As [`accepts`](Device::accepts), for several kernels.
    pub(crate) fn accepts_all(&self, kernels: &[&Kernel]) -> Result<Duration> {
        kernels.iter().try_fold(Duration::ZERO, |took, kernel| Ok(took + self.accepts(kernel)?))
    }

    /// The thread that runs this device's asynchronous calls.
    pub(crate) fn worker(&self) -> &Worker {
        self.inner.worker.get_or_init(|| Worker::new(&self.inner.alias))
    }

    /// What its memory can hold; nothing for the CPU engine, which works in the host's.
    pub(crate) fn capacity(&self) -> Option<Capacity> {
        if self.kind() == DeviceKind::Cpu {
            return None;
        }
        let info = self.info();
        let dispatch = info.limits.iter().find(|(name, _)| *name == "maxComputeWorkgroupsPerDimension");
        Some(Capacity {
            max_binding: self.inner.max_binding,
            max_buffer: self.inner.max_buffer,
            memory: info.memory,
            max_workgroups: dispatch.map_or(u32::MAX, |&(_, limit)| u32::try_from(limit).unwrap_or(u32::MAX)),
        })
    }

    /// The device for a message: its short name, and its name.
    pub(crate) fn describe(&self) -> String {
        format!("{} ({})", self.alias(), self.name())
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        self.inner.number == other.inner.number
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("alias", &self.inner.alias)
            .field("name", &self.info().name)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Every GPU that can be opened, and the CPU engine.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] where there is none (possible only in a build without the feature `cpu`).
    pub fn new() -> Result<Runtime> {
        Runtime::with_backends(crate::exec::discover(), default_device())
    }

    /// The CPU engine alone: no driver is touched.
    ///
    /// # Errors
    ///
    /// None today; a `Result` like its siblings.
    #[cfg(feature = "cpu")]
    pub fn cpu() -> Result<Runtime> {
        Runtime::with_backends(vec![crate::exec::cpu::engine()], default_device())
    }

    /// The CPU engine alone, and interpreting even where it could compile kernels to machine code: slower, with the same
    /// results. To tell whether a result is the compiler's fault, and for systems that forbid executable pages.
    ///
    /// # Errors
    ///
    /// None today; a `Result` like its siblings.
    #[cfg(feature = "cpu")]
    pub fn cpu_interpreter() -> Result<Runtime> {
        Runtime::with_backends(vec![crate::exec::cpu::interpreter()], default_device())
    }

    /// A runtime on a wgpu device that the program already has, so that both share buffers.
    ///
    /// # Errors
    ///
    /// [`Error::Device`] where the device cannot run compute work.
    #[cfg(feature = "gpu")]
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Result<Runtime> {
        Runtime::with_backends(vec![crate::exec::gpu::from_wgpu(device, queue)?], None)
    }

    /// Devices that check everything and compute nothing, for tests without hardware.
    #[doc(hidden)]
    pub fn null(devices: Vec<DeviceInfo>) -> Result<Runtime> {
        Runtime::with_backends(devices.into_iter().map(NullBackend::with_info).collect(), None)
    }

    /// A runtime on one device of the caller's making.
    #[cfg(all(test, feature = "cpu", feature = "cli"))]
    pub(crate) fn on(backend: Arc<dyn Backend>) -> Result<Runtime> {
        Runtime::with_backends(vec![backend], None)
    }

    /// A runtime on these devices, where `auto` means `default` if there is one.
    fn with_backends(backends: Vec<Arc<dyn Backend>>, default: Option<String>) -> Result<Runtime> {
        let mut gpus = 0;
        let devices: Vec<Device> = backends
            .into_iter()
            .map(|backend| {
                let alias = match backend.info().kind {
                    DeviceKind::Cpu => "cpu".to_owned(),
                    _ => {
                        gpus += 1;
                        format!("gpu:{}", gpus - 1)
                    }
                };
                Device::new(backend, alias)
            })
            .collect();
        if devices.is_empty() {
            return Err(Error::NoDevice(
                Message::new("no GPU was found, and this build has no CPU engine")
                    .help("install a Vulkan driver (Mesa's lavapipe runs on any CPU), or build with the feature `cpu`"),
            ));
        }
        let mut preferred = devices.clone();
        preferred.sort_by_key(|device| rank(device.kind()));
        Ok(Runtime { inner: Arc::new(RuntimeInner { devices, preferred, default, plans: PlanCache::default() }) })
    }

    /// The devices, GPUs first, in the order of their drivers.
    pub fn devices(&self) -> &[Device] {
        &self.inner.devices
    }

    /// The device `name`: `auto` (the best), `cpu`, `gpu` (the best GPU, software ones included),
    /// `gpu:0`, or a part of a device's name.
    ///
    /// `auto` prefers a discrete GPU, then an integrated one, then the CPU engine, then a software
    /// GPU; the environment variable `SWATH_DEVICE`, read when the runtime is made, decides otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] where none fits, with what there is.
    pub fn device(&self, name: &str) -> Result<Device> {
        let (name, origin) = match (name.trim(), &self.inner.default) {
            ("auto", Some(default)) => (default.trim(), "SWATH_DEVICE: "),
            (name, _) => (name, ""),
        };
        self.find(name).cloned().ok_or_else(|| {
            let known = self.inner.devices.iter().map(Device::describe).collect::<Vec<_>>();
            let gpu = name == "gpu" || name.starts_with("gpu:");
            let help = if gpu && self.gpus().next().is_none() {
                "no GPU driver was found; install one (Mesa's lavapipe runs on any CPU), or choose `cpu`".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            };
            Error::NoDevice(Message::new(format!("{origin}no device is called `{name}`")).help(help))
        })
    }

    /// The device that a call of `kernel` runs on when nothing else decides: that of `SWATH_DEVICE`, else
    /// the most preferred that can run it with bindings of up to `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] and [`Error::Unsupported`] where none can.
    pub fn device_for(&self, kernel: &Kernel, bytes: u64) -> Result<Device> {
        self.choose_for(kernel, bytes).map(|(device, _)| device)
    }

    fn gpus(&self) -> impl Iterator<Item = &Device> {
        self.inner.preferred.iter().filter(|device| device.kind() != DeviceKind::Cpu)
    }

    fn find(&self, name: &str) -> Option<&Device> {
        let devices = &self.inner.devices;
        match name {
            "auto" => self.inner.preferred.first(),
            "gpu" => self.gpus().next(),
            _ => {
                let lower = name.to_lowercase();
                let called = |device: &&Device| device.name().to_lowercase().contains(&lower);
                devices
                    .iter()
                    .find(|device| device.alias() == lower)
                    .or_else(|| if lower.is_empty() { None } else { self.inner.preferred.iter().find(called) })
            }
        }
    }

    /// The device that `choice` names; `None` where it leaves the choice open.
    pub(crate) fn choose(&self, choice: DeviceChoice<'_>) -> Result<Option<Device>> {
        match choice.0 {
            Choice::Device(device) => Ok(Some(device)),
            Choice::Name(name) if name.trim() == "auto" => Ok(None),
            Choice::Name(name) => self.device(name).map(Some),
        }
    }

    /// The device for `kernel` where nothing else decides: the default if one is set, else the most
    /// preferred that can run it with bindings of up to `bytes`.
    pub(crate) fn choose_for(&self, kernel: &Kernel, bytes: u64) -> Result<(Device, Duration)> {
        self.choose_for_all(&[kernel], bytes)
    }

    /// As [`choose_for`](Runtime::choose_for), for kernels that are to run on one device.
    pub(crate) fn choose_for_all(&self, kernels: &[&Kernel], bytes: u64) -> Result<(Device, Duration)> {
        if self.inner.default.as_deref().is_some_and(|name| name.trim() != "auto") {
            let device = self.device("auto")?;
            let took = device.accepts_all(kernels)?;
            return Ok((device, took));
        }
        let mut refusal = None;
        let roomy = |device: &&Device| device.inner.max_binding.min(device.inner.max_buffer) >= bytes;
        // Where none is large enough, the error about the best is what helps.
        let any = self.inner.preferred.iter().any(|device| roomy(&device));
        for device in self.inner.preferred.iter().filter(|device| !any || roomy(device)) {
            match device.accepts_all(kernels) {
                Ok(took) => return Ok((device.clone(), took)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| Error::NoDevice(Message::new("the runtime has no device"))))
    }

    /// The devices that may run what nothing else decides about, best first, and whether the first was asked for by
    /// `SWATH_DEVICE`.
    pub(crate) fn preferred(&self) -> Result<(Vec<Device>, bool)> {
        if self.inner.default.as_deref().is_some_and(|name| name.trim() != "auto") {
            let device = self.device("auto")?;
            let engine = self.engine().filter(|engine| **engine != device).cloned();
            return Ok((std::iter::once(device).chain(engine).collect(), true));
        }
        Ok((self.inner.preferred.clone(), false))
    }

    /// The CPU engine.
    pub(crate) fn engine(&self) -> Option<&Device> {
        self.inner.devices.iter().find(|device| device.kind() == DeviceKind::Cpu)
    }

    /// The plan of a call of `kernel` on a device; made, or found among those made before.
    pub(crate) fn plan(
        &self,
        kernel: &Kernel,
        given: &Given<'_>,
        device: &Device,
    ) -> Result<Result<Arc<Plan>, Misfit>> {
        let (plans, number) = (&self.inner.plans, device.inner.number);
        if let Some(plan) = plans.find(kernel, given, number) {
            return Ok(Ok(plan));
        }
        Ok(match plan::plan(kernel, given, &device.describe())? {
            Ok(plan) => {
                let plan = Arc::new(plan);
                plans.keep(kernel, given, number, Arc::clone(&plan));
                Ok(plan)
            }
            Err(misfit) => Err(misfit),
        })
    }

    /// Parses and validates WGSL text; the same as [`Module::parse`].
    ///
    /// # Errors
    ///
    /// As [`Module::parse`].
    pub fn module(&self, wgsl: &str) -> Result<Module> {
        Module::parse(wgsl)
    }

    /// Parses and validates the WGSL file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where it cannot be read, and as [`Module::parse`].
    pub fn module_file(&self, path: impl AsRef<Path>) -> Result<Module> {
        Module::parse_file(path)
    }

    /// Starts a call of `kernel`.
    pub fn call<'a>(&self, kernel: &Kernel) -> Call<'a> {
        Call::new(self.clone(), kernel.clone())
    }

    /// Starts a chain: calls whose data stays on one device between them. See [`chain`](crate::chain).
    pub fn chain(&self) -> ChainBuilder {
        ChainBuilder::new(self.clone())
    }

    /// A buffer on the best device (see [`device`](Runtime::device)) that holds `data`.
    ///
    /// # Errors
    ///
    /// As [`buffer_on`](Runtime::buffer_on).
    pub fn buffer<T: Pod>(&self, data: &[T]) -> Result<Buffer<T>> {
        self.buffer_on(&self.device("auto")?, data)
    }

    /// A buffer of `len` zeroed elements on the best device (see [`device`](Runtime::device)).
    ///
    /// # Errors
    ///
    /// As [`buffer_on`](Runtime::buffer_on).
    pub fn buffer_zeroed<T: Pod>(&self, len: usize) -> Result<Buffer<T>> {
        self.buffer_zeroed_on(&self.device("auto")?, len)
    }

    /// A buffer on `device` that holds `data`.
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] for no elements, or bytes that are not a multiple of 4;
    /// [`Error::OutOfMemory`] where the device has too little.
    pub fn buffer_on<T: Pod>(&self, device: &Device, data: &[T]) -> Result<Buffer<T>> {
        let buffer = Buffer::zeroed(device, data.len())?;
        buffer.upload(data)?;
        Ok(buffer)
    }

    /// A buffer of `len` zeroed elements on `device`.
    ///
    /// # Errors
    ///
    /// As [`buffer_on`](Runtime::buffer_on).
    pub fn buffer_zeroed_on<T: Pod>(&self, device: &Device, len: usize) -> Result<Buffer<T>> {
        Buffer::zeroed(device, len)
    }

    /// Compiles `kernel` ahead of its first call; gives the time it took.
    pub(crate) fn prepare(&self, kernel: &Kernel, choice: DeviceChoice<'_>) -> Result<Duration> {
        kernel.check_complete()?;
        match self.choose(choice)? {
            Some(device) => device.prepare(kernel),
            None => {
                let (device, took) = self.choose_for(kernel, 0)?;
                Ok(took + device.prepare(kernel)?)
            }
        }
    }
}

impl Kernel {
    /// Compiles the kernel ahead of its first call, for `device` (`"auto"`, another name, or a
    /// [`Device`]); gives the time it took.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`], [`Error::Unsupported`], or what the compiler says.
    pub fn prepare<'d>(&self, rt: &Runtime, device: impl Into<DeviceChoice<'d>>) -> Result<Duration> {
        rt.prepare(self, device.into())
    }

    /// The machine code that the CPU engine compiles the kernel to, as text with the WGSL lines it came from: for those
    /// who tune kernels. Its form may change with any version.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`] where the kernel uses what is not supported, [`Error::Unsupported`] where the kernel or this
    /// machine is left to the interpreter.
    #[cfg(feature = "cpu")]
    pub fn asm(&self) -> Result<String> {
        self.check_complete()?;
        crate::exec::cpu::assembly(self)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("devices", &self.inner.devices).finish_non_exhaustive()
    }
}

/// `SWATH_DEVICE`, if it is set to something.
fn default_device() -> Option<String> {
    std::env::var("SWATH_DEVICE").ok().filter(|name| !name.trim().is_empty())
}

/// The order in which `auto` prefers devices, lowest first.
fn rank(kind: DeviceKind) -> u8 {
    match kind {
        DeviceKind::DiscreteGpu => 0,
        DeviceKind::IntegratedGpu => 1,
        DeviceKind::VirtualGpu => 2,
        DeviceKind::OtherGpu => 3,
        DeviceKind::Cpu => 4,
        DeviceKind::SoftwareGpu => 5,
    }
}
