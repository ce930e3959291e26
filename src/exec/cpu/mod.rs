//! The CPU engine: kernels on the host's cores, in the host's own memory.
//!
//! It needs nothing installed. Data is used where it lies: a host slice is bound without a copy, save one
//! that is not 4-aligned. Results do not depend on the number of threads, nor on the
//! instructions that the CPU has, with two exceptions: which NaN an operation gives is not specified, and what racing
//! invocations leave behind is not either.

mod accumulate;
mod interp;
#[cfg_attr(not(target_arch = "x86_64"), path = "no_jit.rs")]
mod jit;
mod pool;
mod refusal;
mod sequence;
mod shared_mem;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use lru::LruCache;
use rustc_hash::FxBuildHasher;

use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
    exec::{Allocation, ArgData, Backend, Launch, Metrics, Ready, Sequence, SequenceTurn, stop::Stop},
    ir,
    kernel::{BindingKind, Kernel, identity::Identity},
    plan::{Part, TileEvent, request::Capacity},
};
use interp::{Code, Scratch};
use pool::Pool;
use sequence::Prepared;
use shared_mem::{Aligned, HostAllocation, SharedMem};

/// Compiled kernels that are kept, the last used ones.
const KEPT_KERNELS: NonZero<usize> = NonZero::new(64).expect("some are kept");

/// Invocations of a workgroup, which run as one frame.
const MAX_INVOCATIONS: u64 = 1 << 16;

/// Bytes of workgroup memory.
const MAX_WORKGROUP_BYTES: u64 = 1 << 20;

/// Bytes of private memory (arrays indexed at run time) of a workgroup's invocations together.
const MAX_PRIVATE_BYTES: u64 = 1 << 28;

/// Bytes of a binding: the elements are numbered by 32 bits.
const MAX_BINDING_BYTES: u64 = 4 * (u32::MAX as u64 - 1);

/// The CPU engine as a device.
pub(crate) struct CpuBackend {
    info: DeviceInfo,
    pool: Pool,
    /// Whether kernels are compiled to machine code.
    compiles: bool,
    cache: Mutex<Cache>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Kernels that were used last. Those in use live on when they are not kept any more.
type Cache = LruCache<Identity, Arc<Executable>, FxBuildHasher>;

/// A kernel as the engine runs it: compiled where it can be, else interpreted.
struct Executable {
    interp: Code,
    /// Machine code, made when the kernel is first to run: not to find out whether it can.
    jit: OnceLock<Option<jit::Compiled>>,
}

impl Executable {
    /// Its machine code, if it has any.
    fn compiled(&self) -> Option<&jit::Compiled> {
        self.jit.get()?.as_ref()
    }

    /// Invocations of a workgroup.
    fn lanes(&self) -> u32 {
        self.interp.workgroup_size.iter().product()
    }

    /// Compiles what running a part of a grid over bindings of these sizes takes beyond what is there: how memories are
    /// shared depends on both. Gives the time that took.
    fn make_ready(&self, part: Part, bytes: impl Fn(usize) -> Option<u64>) -> Duration {
        self.compiled().map_or(Duration::ZERO, |jit| jit.make_ready(part, self.lanes(), bytes))
    }
}

/// The CPU engine, on as many threads as `SWATH_THREADS` says, else as the machine runs at once. It compiles kernels
/// where it can, unless `SWATH_CPU` says `interp`.
pub(crate) fn engine() -> Arc<dyn Backend> {
    let forbidden = std::env::var("SWATH_CPU").is_ok_and(|choice| choice.trim() == "interp");
    Arc::new(CpuBackend::on(Pool::from_environment(), !forbidden && jit::available()))
}

/// The CPU engine without the compiler.
pub(crate) fn interpreter() -> Arc<dyn Backend> {
    Arc::new(CpuBackend::on(Pool::from_environment(), false))
}

impl CpuBackend {
    fn on(pool: Pool, compiles: bool) -> Self {
        let threads = pool.threads();
        let executor = if compiles { "jit, avx2".to_owned() } else { format!("interp, {}", interp::level()) };
        let info = DeviceInfo {
            name: cpu_name(),
            kind: DeviceKind::Cpu,
            backend: "cpu".to_owned(),
            driver: format!("{executor}, {threads} thread{}", if threads == 1 { "" } else { "s" }),
            limits: limits(),
            features: vec!["shader-f16", "subgroups"],
            memory: memory(),
        };
        let cache = Mutex::new(Cache::with_hasher(KEPT_KERNELS, FxBuildHasher));
        CpuBackend { info, pool, compiles, cache, scratch: Mutex::default() }
    }

    /// Runs a part of a grid; says whether the interpreter did.
    fn run(&self, code: &Executable, part: Part, memory: &[(SharedMem<'_>, u64)], stop: Option<&Stop>) -> Result<bool> {
        let compiled = code.compiled().and_then(|jit| jit.launch(part, code.lanes(), memory, &self.pool, stop));
        match compiled {
            Some(result) => result.map(|()| false),
            None => interp::run(&code.interp, part, memory, &self.pool, &self.scratch, stop).map(|()| true),
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kernel for the interpreter, which takes every kernel that the engine can run, or the reason why it cannot.
    fn accepted(&self, kernel: &Kernel) -> Result<Arc<Executable>> {
        if let Some(code) = self.cache().get(&kernel.inner.identity) {
            return Ok(Arc::clone(code));
        }
        kernel.inner.requirements.check(kernel.name(), &self.info)?;
        let interp = interp::compile(&*kernel.program()?)?;
        check_private_memory(&interp)?;
        let code = Arc::new(Executable { interp, jit: OnceLock::new() });
        // Another thread may have been quicker.
        let mut cache = self.cache();
        if let Some(code) = cache.get(&kernel.inner.identity) {
            return Ok(Arc::clone(code));
        }
        let evicted = cache.push(kernel.inner.identity.clone(), Arc::clone(&code));
        drop(cache);
        drop(evicted);
        Ok(code)
    }

    /// The kernel ready to run, and the time it took to compile it now.
    fn code(&self, kernel: &Kernel) -> Result<(Arc<Executable>, Duration)> {
        if let Some(code) = self.cache().get(&kernel.inner.identity).filter(|code| code.jit.get().is_some()) {
            return Ok((Arc::clone(code), Duration::ZERO));
        }
        let start = Instant::now();
        let code = self.accepted(kernel)?;
        if self.compiles {
            let program = kernel.program()?;
            code.jit.get_or_init(|| compile(kernel, &program));
        } else {
            code.jit.get_or_init(|| None);
        }
        Ok((code, start.elapsed()))
    }
}

/// The machine code of a kernel as text, with the WGSL lines it came from.
pub(crate) fn assembly(kernel: &Kernel) -> Result<String> {
    let program = kernel.program()?;
    jit::assembly(&program, &kernel.inner.source).map_err(|reason| {
        Error::Unsupported(
            Message::new(format!("the CPU engine does not compile it: {reason}"))
                .kernel(kernel.name())
                .help("it runs on the interpreter; look at its IR instead"),
        )
    })
}

/// Machine code for a program, if it is one that the compiler takes.
fn compile(kernel: &Kernel, program: &ir::Program) -> Option<jit::Compiled> {
    match jit::Compiled::new(program) {
        Ok(compiled) => Some(compiled),
        Err(refusal) => {
            refusal.note(&kernel.inner.identity);
            None
        }
    }
}

impl Backend for CpuBackend {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn capacity(&self) -> Option<Capacity> {
        None
    }

    fn supports(&self, kernel: &Kernel) -> Result<()> {
        self.accepted(kernel).map(|_| ())
    }

    fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        self.code(kernel).map(|(_, took)| took)
    }

    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>> {
        match HostAllocation::zeroed(bytes) {
            Ok(memory) => Ok(Arc::new(memory)),
            Err(Error::OutOfMemory(message)) => Err(Error::OutOfMemory(message.subject(label))),
            Err(error) => Err(error),
        }
    }

    fn launch(&self, launch: Launch<'_>) -> Result<Metrics> {
        let (code, compile) = self.code(launch.kernel)?;
        let count = launch.plan.map_or(1, |plan| plan.tiles.count());
        let mut metrics = Metrics { compile, dispatches: count, tiles: count, ..Metrics::default() };
        let (stop, tiles, mut watcher) = (launch.stop, launch.tiles(), launch.watcher);
        let bound = LaunchData::new(launch.kernel, launch.args)?;
        let mut interpreted = false;
        let mut late = Duration::ZERO;
        let metrics = bound.with_memory(&mut metrics, stop, |memory| {
            let mut kernel = Duration::ZERO;
            for (tile, part) in (0..).zip(tiles) {
                late += code.make_ready(part, |at| Some(memory.get(at)?.1));
                let start = Instant::now();
                interpreted |= self.run(&code, part, memory, stop)?;
                kernel += start.elapsed();
                if let Some(watcher) = watcher.as_mut() {
                    watcher(TileEvent { tile, tiles: count });
                }
            }
            Ok(kernel)
        })?;
        Ok(Metrics { interpreted, compile: compile + late, ..metrics })
    }

    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)> {
        let (prepared, compile) = Prepared::new(self, sequence)?;
        Ok((Box::new(prepared), compile))
    }

    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics> {
        let stop = turn.stop;
        prepared(ready)?.run(turn, |bound, memory| self.run(&bound.code, Part::whole(bound.workgroups), memory, stop))
    }
}

/// A sequence that this engine made ready.
fn prepared(ready: &Ready) -> Result<&Prepared> {
    ready.downcast_ref().ok_or_else(|| Error::Device(Message::new("the sequence was made ready by another device")))
}

fn limits() -> Vec<(&'static str, u64)> {
    vec![
        ("maxBindGroups", 4),
        ("maxStorageBuffersPerShaderStage", 1024),
        ("maxUniformBuffersPerShaderStage", 1024),
        ("maxStorageBufferBindingSize", MAX_BINDING_BYTES),
        ("maxUniformBufferBindingSize", MAX_BINDING_BYTES),
        ("maxBufferSize", MAX_BINDING_BYTES),
        ("minStorageBufferOffsetAlignment", 4),
        ("minUniformBufferOffsetAlignment", 4),
        ("maxComputeWorkgroupStorageSize", MAX_WORKGROUP_BYTES),
        ("maxComputeInvocationsPerWorkgroup", MAX_INVOCATIONS),
        ("maxComputeWorkgroupSizeX", MAX_INVOCATIONS),
        ("maxComputeWorkgroupSizeY", MAX_INVOCATIONS),
        ("maxComputeWorkgroupSizeZ", MAX_INVOCATIONS),
        ("maxComputeWorkgroupsPerDimension", u32::MAX.into()),
        ("minSubgroupSize", interp::SUBGROUP_SIZE as u64),
        ("maxSubgroupSize", interp::SUBGROUP_SIZE as u64),
    ]
}

/// Refuses a kernel whose local arrays take more memory than the engine gives a workgroup.
fn check_private_memory(code: &Code) -> Result<()> {
    let invocations: u64 = if code.free { 16 } else { code.workgroup_size.iter().map(|n| u64::from(*n)).product() };
    let bytes = code.private_bytes.saturating_mul(invocations);
    if bytes > MAX_PRIVATE_BYTES {
        return Err(Error::Unsupported(
            Message::new(format!(
                "{} bytes of local arrays in each invocation are {bytes} for {invocations} that run together; \
                 the CPU engine has at most {MAX_PRIVATE_BYTES}",
                code.private_bytes
            ))
            .kernel(code.name.as_str())
            .help("shrink the local arrays, or the workgroup"),
        ));
    }
    Ok(())
}

/// A lock on a resident buffer.
enum Guard<'a> {
    Read(RwLockReadGuard<'a, Aligned>),
    Write(RwLockWriteGuard<'a, Aligned>),
}

impl<'a> Guard<'a> {
    /// Waits for the lock; not beyond the stop of the launch that waits.
    fn of(memory: &'a HostAllocation, write: bool, stop: Option<&Stop>) -> Result<Guard<'a>> {
        let Some(stop) = stop else {
            return Ok(if write { Guard::Write(memory.write()) } else { Guard::Read(memory.read()) });
        };
        stop.wait_for(|| if write { memory.try_write().map(Guard::Write) } else { memory.try_read().map(Guard::Read) })
    }
}

/// The data of a launch, not yet locked or aligned.
struct LaunchData<'a> {
    args: Vec<ArgData<'a>>,
    writable: Vec<bool>,
}

impl<'a> LaunchData<'a> {
    fn new(kernel: &Kernel, args: Vec<ArgData<'a>>) -> Result<Self> {
        let writable: Vec<_> = kernel.bindings().iter().map(|b| b.kind == BindingKind::ReadWriteStorage).collect();
        if writable.len() != args.len() {
            return Err(Error::Call(
                Message::new(format!("{} bindings were given data, the kernel has {}", args.len(), writable.len()))
                    .kernel(kernel.name()),
            ));
        }
        // Compiled code writes these, so that what is behind a shared reference must not be among them.
        let read_only = |at: &usize| writable[*at] && matches!(args[*at], ArgData::Uniform(_) | ArgData::Read(_));
        if let Some(at) = (0..args.len()).find(read_only) {
            return Err(Error::Call(
                Message::new("was given data to read, and the kernel writes to it")
                    .kernel(kernel.name())
                    .subject(kernel.bindings()[at].name.as_str())
                    .help("bind it for writing"),
            ));
        }
        Ok(LaunchData { args, writable })
    }

    /// Locks resident buffers, copies what is not aligned, runs `body`, and copies back.
    fn with_memory(
        self,
        metrics: &mut Metrics,
        stop: Option<&Stop>,
        body: impl FnOnce(&[(SharedMem<'_>, u64)]) -> Result<Duration>,
    ) -> Result<Metrics> {
        let LaunchData { args, writable } = self;
        let residents: Vec<Option<Arc<dyn Allocation>>> = args
            .iter()
            .map(|arg| if let ArgData::Resident(memory) = arg { Some((*memory).clone()) } else { None })
            .collect();
        // Each buffer is locked once, in the order of addresses, lest two launches wait for each other.
        let mut wanted: BTreeMap<usize, (&HostAllocation, bool)> = BTreeMap::new();
        for (resident, writable) in residents.iter().zip(&writable) {
            if let Some(resident) = resident {
                let memory = host(resident.as_ref())?;
                wanted.entry(address(memory)).or_insert((memory, false)).1 |= writable;
            }
        }
        let mut guards: BTreeMap<usize, Guard<'_>> = wanted
            .into_iter()
            .map(|(at, (memory, write))| Ok((at, Guard::of(memory, write, stop)?)))
            .collect::<Result<_>>()?;
        let mut locked: BTreeMap<usize, (SharedMem<'_>, u64)> = BTreeMap::new();
        for (at, guard) in &mut guards {
            let (memory, bytes) = match guard {
                Guard::Read(memory) => (SharedMem::fixed(memory.bytes()), memory.bytes().len()),
                Guard::Write(memory) => {
                    let bytes = memory.bytes().len();
                    (SharedMem::racy(memory.bytes_mut()).ok(), bytes)
                }
            };
            locked.insert(*at, (memory.ok_or_else(unaligned)?, bytes as u64));
        }
        // Copies of host memory that is not aligned, and where those that are written go afterwards.
        let mut copies = Vec::new();
        let mut places = Vec::new();
        for arg in args {
            let (place, bytes) = match arg {
                ArgData::Uniform(bytes) | ArgData::Read(bytes) => match SharedMem::fixed(bytes) {
                    Some(memory) => (BoundMemory::Here(memory), bytes.len()),
                    None => {
                        metrics.bytes_up += bytes.len() as u64;
                        copies.push((Aligned::copy(bytes)?, None));
                        (BoundMemory::Copy(copies.len() - 1), bytes.len())
                    }
                },
                ArgData::Write(bytes) => {
                    let size = bytes.len();
                    match SharedMem::racy(bytes) {
                        Ok(memory) => (BoundMemory::Here(memory), size),
                        Err(bytes) => {
                            metrics.bytes_up += size as u64;
                            copies.push((Aligned::copy(bytes)?, Some(bytes)));
                            (BoundMemory::Copy(copies.len() - 1), size)
                        }
                    }
                }
                ArgData::Resident(memory) => {
                    let (memory, bytes) = locked[&address(host(memory.as_ref())?)];
                    (BoundMemory::Here(memory), bytes as usize)
                }
            };
            places.push((place, bytes as u64));
        }
        let mut views = Vec::new();
        for (copy, target) in &mut copies {
            let view =
                if target.is_some() { SharedMem::racy(copy.bytes_mut()).ok() } else { SharedMem::fixed(copy.bytes()) };
            views.push(view.ok_or_else(unaligned)?);
        }
        let memory: Vec<_> = places
            .into_iter()
            .map(|(place, bytes)| match place {
                BoundMemory::Here(memory) => (memory, bytes),
                BoundMemory::Copy(index) => (views[index], bytes),
            })
            .collect();
        metrics.kernel = body(&memory)?;
        drop((memory, views));
        for (copy, target) in &mut copies {
            if let Some(target) = target {
                target.copy_from_slice(copy.bytes());
                metrics.bytes_down += target.len() as u64;
            }
        }
        Ok(*metrics)
    }
}

/// Where the data of a binding is.
enum BoundMemory<'a> {
    Here(SharedMem<'a>),
    /// In the aligned copy of that number.
    Copy(usize),
}

fn host(memory: &dyn Allocation) -> Result<&HostAllocation> {
    memory.as_any().downcast_ref().ok_or_else(|| {
        Error::Call(
            Message::new("a buffer that lives on another device is bound in a call on the CPU engine")
                .help("make the buffer on the CPU engine, or run the call on the buffer's device"),
        )
    })
}

fn address(memory: &HostAllocation) -> usize {
    std::ptr::from_ref(memory).addr()
}

fn unaligned() -> Error {
    Error::Device(Message::new("memory of the engine's own is not aligned"))
}

/// The CPU's name as the system tells it.
fn cpu_name() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    told.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("CPU ({})", std::env::consts::ARCH))
}

/// Bytes of main memory, where the system tells.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}
