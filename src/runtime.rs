//! The runtime: the devices of the machine, and the way in to everything that runs on them.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use bytemuck::Pod;

use crate::{
    buffer::Buffer,
    call::{Call, Tuned},
    chain::ChainBuilder,
    cost::{Ceilings, History},
    device::{Asked, Device, DeviceChoice, Devices},
    device_info::DeviceInfo,
    environment,
    error::{Message, Result},
    exec::{Backend, null::NullBackend},
    kernel::{Kernel, Module},
    trace::Trace,
    trust::FailedProbe,
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
    devices: Devices,
}

impl Runtime {
    /// Every GPU that can be opened, and the CPU engine.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) where there is none (possible only in a build without the feature `cpu`), and
    /// [`Error::Call`](crate::Error::Call) where one of the environment's `SWATH_` variables has a value that means nothing.
    pub fn new() -> Result<Runtime> {
        Runtime::builder().build()
    }

    /// A runtime as [`new`](Runtime::new) makes it, some of it otherwise.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The CPU engine alone: no driver is touched.
    ///
    /// # Errors
    ///
    /// [`Error::Call`](crate::Error::Call) where one of the environment's `SWATH_` variables has a value that means nothing.
    #[cfg(feature = "cpu")]
    pub fn cpu() -> Result<Runtime> {
        Runtime::with_backends(vec![crate::exec::cpu::engine(None)], default_device())
    }

    /// The CPU engine alone, and interpreting even where it could compile kernels to machine code: slower, with the same
    /// results. To tell whether a result is the compiler's fault, and for systems that forbid executable pages.
    ///
    /// # Errors
    ///
    /// [`Error::Call`](crate::Error::Call) where one of the environment's `SWATH_` variables has a value that means nothing.
    #[cfg(feature = "cpu")]
    pub fn cpu_interpreter() -> Result<Runtime> {
        Runtime::with_backends(vec![crate::exec::cpu::interpreter()], default_device())
    }

    /// CPU engines of so many threads each, called `cpu`, `cpu:1` and so on: for tests of calls that several devices share.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) for an empty list.
    #[cfg(feature = "cpu")]
    #[doc(hidden)]
    pub fn cpu_engines(threads: &[usize]) -> Result<Runtime> {
        Runtime::cpu_engines_that_learn(threads, &History::Off)
    }

    /// The same, where what calls take is learned.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) for an empty list.
    #[cfg(feature = "cpu")]
    #[doc(hidden)]
    pub fn cpu_engines_that_learn(threads: &[usize], history: &History) -> Result<Runtime> {
        let engines = threads.iter().map(|&threads| crate::exec::cpu::engine_of(threads));
        Ok(Runtime { devices: Devices::new(engines.collect(), None, history, None)? })
    }

    /// A runtime on a wgpu device that the program already has, so that both share buffers.
    ///
    /// # Errors
    ///
    /// [`Error::Device`](crate::Error::Device) where the device cannot run compute work.
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

    /// A runtime on these devices, where `auto` means `default` if there is one. There is nothing to learn: it is for one
    /// device, or for tests.
    fn with_backends(backends: Vec<Arc<dyn Backend>>, default: Option<String>) -> Result<Runtime> {
        environment::check()?;
        Ok(Runtime { devices: Devices::new(backends, default, &History::Off, None)? })
    }

    /// Measures what the devices can do at most, unless that is known; takes some tenths of a second, once for each device
    /// and driver. Calls that leave the device open do it when it is worth it; this does it ahead, so that the first of them
    /// already runs where it is predicted to be the fastest. Does nothing where there is no choice of devices, and where
    /// nothing is to be learned ([`History::Off`]).
    pub fn measure(&self) {
        self.devices.measure(false);
    }

    /// The same once more, for each device up to three times in all. What disturbs a measurement makes a device look weaker, so
    /// that the best of several counts; where one is clearly better than those before, what calls took on the device is
    /// forgotten, for it was compared with those. Long programs do it by themselves.
    pub fn measure_again(&self) {
        self.devices.measure(true);
    }

    /// What a device can do at most, if it was measured.
    pub fn ceilings(&self, device: &Device) -> Option<Ceilings> {
        self.devices.ceilings(device)
    }

    /// Runs all probes on all devices where that was never done: small kernels whose results are known, some tenths of a second in
    /// all, once for each device and driver. Calls do the same for those that concern their kernel. With `SWATH_TRUST=off` in the
    /// environment nothing is ever probed, and every device is trusted.
    pub fn probe(&self) {
        self.devices.probe();
    }

    /// What a device is known to get wrong; nothing where no [probe](Runtime::probe) has run. Calls of kernels that use it run
    /// elsewhere, or are refused where they cannot.
    pub fn failed_probes(&self, device: &Device) -> Option<Vec<FailedProbe>> {
        Some(self.devices.weaknesses(device)?.iter().map(|&weakness| weakness.into()).collect())
    }

    /// The devices, GPUs first, in the order of their drivers.
    pub fn devices(&self) -> &[Device] {
        self.devices.all()
    }

    /// The device `name`: `auto` (the best), `cpu`, `gpu` (the best GPU, software ones included),
    /// `gpu:0`, or a part of a device's name.
    ///
    /// `auto` prefers a discrete GPU, then an integrated one, then the CPU engine, then a software
    /// GPU; the environment variable `SWATH_DEVICE`, read when the runtime is made, decides otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) where none fits, with what there is.
    pub fn device(&self, name: &str) -> Result<Device> {
        self.devices.named(name)
    }

    /// The devices that a choice names, in its order: those of a list, all for `all`, else one; for a
    /// [reproducible](DeviceChoice::reproducible) one that which its calls run on.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) where a name fits none, with what there is.
    pub fn devices_of<'d>(&self, choice: impl Into<DeviceChoice<'d>>) -> Result<Vec<Device>> {
        let choice = choice.into();
        let is_reproducible = choice.is_reproducible();
        Ok(match self.devices.choose(choice)? {
            asked if is_reproducible => vec![self.devices.reproducible(asked.as_ref(), Message::new)?],
            None => vec![self.devices.named("auto")?],
            Some(Asked::One(device)) => vec![device],
            Some(Asked::Several { devices, .. }) => devices,
        })
    }

    /// The first of them.
    #[cfg(feature = "cli")]
    pub(crate) fn first_of(&self, choice: &DeviceChoice<'_>) -> Result<Device> {
        self.devices_of(choice).map(|mut devices| devices.remove(0))
    }

    /// The device that a call of `kernel` runs on when nothing else decides: that of `SWATH_DEVICE`, else
    /// the most preferred that can run it with bindings of up to `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice) and [`Error::Unsupported`](crate::Error::Unsupported) where none can.
    pub fn device_for(&self, kernel: &Kernel, bytes: u64) -> Result<Device> {
        self.devices.choose_for(kernel, bytes).map(|(device, _)| device)
    }

    /// Records what calls do from now on, to be looked at in a viewer, as long as the trace is kept. Traces that are made
    /// while another is kept have what that has. Chains are not recorded.
    pub fn trace(&self) -> Trace {
        Trace::new(self.devices.record())
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
    /// [`Error::Io`](crate::Error::Io) where it cannot be read, and as [`Module::parse`].
    pub fn module_file(&self, path: impl AsRef<Path>) -> Result<Module> {
        Module::parse_file(path)
    }

    /// Starts a call of `kernel`.
    pub fn call<'a>(&self, kernel: &Kernel) -> Call<'a> {
        Call::new(self.devices.clone(), kernel.clone())
    }

    /// Starts a chain: calls whose data stays on one device between them. See [`chain`](crate::chain).
    pub fn chain(&self) -> ChainBuilder {
        ChainBuilder::new(self.devices.clone())
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
    /// [`Error::Buffer`](crate::Error::Buffer) for no elements, or bytes that are not a multiple of 4;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where the device has too little.
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
        match self.devices.choose(choice)? {
            Some(Asked::One(device)) => device.prepare(kernel),
            Some(Asked::Several { devices, is_list }) => {
                let prepare = |device: &Device| match device.prepare(kernel) {
                    Err(_) if !is_list => Ok(Duration::ZERO),
                    took => took,
                };
                devices.iter().map(prepare).sum()
            }
            None => {
                let (device, took) = self.devices.choose_for(kernel, 0)?;
                Ok(took + device.prepare(kernel)?)
            }
        }
    }
}

/// A [`Runtime`] that is being put together.
///
/// ```
/// use swath::{History, Runtime};
///
/// let rt = Runtime::builder().history(History::InMemory).build()?;
/// # Ok::<(), swath::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct RuntimeBuilder {
    history: Option<History>,
    memory: Option<u64>,
    threads: Option<usize>,
}

impl RuntimeBuilder {
    /// Where what is learned of kernels and devices is kept, or that nothing is learned. Without it, as the environment
    /// says ([`History::from_environment`]).
    pub fn history(mut self, history: History) -> Self {
        self.history = Some(history);
        self
    }

    /// How many bytes of each GPU's memory calls and resident buffers take together at most; without it, as `SWATH_MEMORY` says
    /// (`64MiB`, `1.5GB`), else no limit.
    ///
    /// Calls that need more at a time than there is for all of them are cut into tiles. Those that fit, but not beside the ones
    /// that are running, wait for their turn in the order in which they were made; small ones may overtake. A call that is made
    /// inside of another one's callback does not wait: it fails with [`Error::OutOfMemory`](crate::Error::OutOfMemory), or runs on
    /// the CPU engine if no device was named. Buffers never wait: one that does not fit is refused with the same error. What is
    /// counted are storage buffers; transfers take up to 64 MiB more in each direction. The CPU engine works in the host's memory,
    /// and has no limit.
    ///
    /// ```
    /// let rt = swath::Runtime::builder().memory_budget(256 << 20).build()?;
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn memory_budget(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// How many threads the CPU engine uses, the one that calls among them; without it, as `SWATH_THREADS` says, else as many as the
    /// machine runs at a time. At least one.
    ///
    /// ```
    /// let rt = swath::Runtime::builder().cpu_threads(2).build()?;
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn cpu_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// Opens every GPU that can be opened, and the CPU engine.
    ///
    /// # Errors
    ///
    /// As [`Runtime::new`].
    pub fn build(self) -> Result<Runtime> {
        environment::check()?;
        let history = self.history.unwrap_or_else(History::from_environment);
        let memory = self.memory.or_else(environment::memory);
        Ok(Runtime { devices: Devices::new(crate::exec::discover(self.threads), default_device(), &history, memory)? })
    }
}

impl Kernel {
    /// Compiles the kernel ahead of its first call, for `device` (`"auto"`, another name, or a
    /// [`Device`]); gives the time it took.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`](crate::Error::NoDevice), [`Error::Unsupported`](crate::Error::Unsupported), or what the compiler says.
    pub fn prepare<'d>(&self, rt: &Runtime, device: impl Into<DeviceChoice<'d>>) -> Result<Duration> {
        rt.prepare(self, device.into())
    }

    /// Finds out which values of its `override` constants are the fastest: measures the kernel as it is written, and with each
    /// combination of `values`, on the device that the call is given, on each of several, or on all. `call` gives the
    /// arguments and the grid; what is bound for writing is in the end as it was.
    ///
    /// Variants have to give the same results: integers the same bits, floats up to rounding. One that does not is never the
    /// best, and is named ([`Tuned::wrong`]). The best is kept where what calls take is kept ([`History`]), and used by calls of
    /// about that size that leave the constants and the device open and say how many invocations they have
    /// ([`Call::grid`]), unless they are [`reproducible`](Call::reproducible). That results are the same was seen with these
    /// arguments: a constant that changes what a kernel means for others is not one to tune.
    ///
    /// # Errors
    ///
    /// [`Error::Call`](crate::Error::Call) where constants are not open, results differ from run to run, or the call is wrong or has buffers; else
    /// what calls give, where no device runs the kernel.
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "override WG: u32 = 64;
    ///      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(WG) fn square(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x * id.x; }
    ///      }",
    /// )?;
    /// let mut y = vec![0u32; 10_000];
    /// let tuned = module.only_kernel()?.tune(&rt, &[("WG", &[32.0, 128.0])], |call| call.write("y", &mut y).grid([10_000]))?;
    /// println!("{tuned}");
    /// assert!(tuned.devices().iter().all(|on| on.best().is_some()));
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn tune<'a>(
        &self,
        rt: &Runtime,
        values: &[(&str, &[f64])],
        call: impl FnOnce(Call<'a>) -> Call<'a>,
    ) -> Result<Tuned> {
        call(rt.call(self)).tune(values)
    }

    /// The machine code that the CPU engine compiles the kernel to, as text with the WGSL lines it came from: for those
    /// who tune kernels. Its form may change with any version.
    ///
    /// # Errors
    ///
    /// [`Error::Wgsl`](crate::Error::Wgsl) where the kernel uses what is not supported, [`Error::Unsupported`](crate::Error::Unsupported) where the kernel or this
    /// machine is left to the interpreter.
    #[cfg(feature = "cpu")]
    pub fn asm(&self) -> Result<String> {
        self.check_complete()?;
        crate::exec::cpu::assembly(self)
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("devices", &self.devices.all()).finish_non_exhaustive()
    }
}

/// `SWATH_DEVICE`, if it is set to something.
fn default_device() -> Option<String> {
    std::env::var("SWATH_DEVICE").ok().filter(|name| !name.trim().is_empty())
}
