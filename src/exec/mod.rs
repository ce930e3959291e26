//! Execution: a small seam that every device stands behind.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
pub(crate) mod fault;
#[cfg(test)]
#[cfg_attr(not(feature = "cpu"), allow(dead_code, reason = "tests of results need devices that compute"))]
pub(crate) mod faulty;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod host;
pub(crate) mod keep;
pub(crate) mod null;
pub(crate) mod session;
pub(crate) mod split;
pub(crate) mod stop;
#[cfg(test)]
mod tests;
pub(crate) mod trace;

use std::{
    any::Any,
    ops::Range,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

pub use stop::CancelToken;

use crate::{
    access::Merge,
    device_info::DeviceInfo,
    error::Result,
    kernel::Kernel,
    plan::{Plan, TileEvent, request::Capacity},
};
use host::{HostMemory, HostSlice};
use session::Body;
use stop::Stop;
use trace::Track;

/// Every device of the machine: the GPUs that can be opened, then the CPU engine, on so many `threads`, if that is said.
pub(crate) fn discover(threads: Option<usize>) -> Vec<Arc<dyn Backend>> {
    let mut devices = gpus();
    devices.extend(engine(threads));
    devices
}

#[cfg(feature = "gpu")]
fn gpus() -> Vec<Arc<dyn Backend>> {
    gpu::discover()
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Vec<Arc<dyn Backend>> {
    Vec::new()
}

#[cfg(feature = "cpu")]
fn engine(threads: Option<usize>) -> Option<Arc<dyn Backend>> {
    Some(cpu::engine(threads))
}

#[cfg(not(feature = "cpu"))]
fn engine(_threads: Option<usize>) -> Option<Arc<dyn Backend>> {
    None
}

/// Memory that stays on a device between calls. Its size is the bytes asked for.
pub(crate) trait Allocation: Send + Sync {
    /// Size in bytes.
    fn bytes(&self) -> u64;
    /// Copies `data` to `offset`. The range was checked by the caller.
    fn upload(&self, offset: u64, data: &[u8]) -> Result<()>;
    /// Copies from `offset` into `data`. The range was checked by the caller.
    fn download(&self, offset: u64, data: &mut [u8]) -> Result<()>;
    /// Fills the whole with repetitions of `pattern` (1, 2 or a multiple of 4 bytes; divides the size).
    fn fill(&self, pattern: &[u8]) -> Result<()>;
    /// Copies `bytes` from `source_offset` of `source`, an allocation of the same backend.
    fn copy_from(&self, offset: u64, source: &dyn Allocation, source_offset: u64, bytes: u64) -> Result<()>;
    /// For the backend that made it.
    fn as_any(&self) -> &dyn Any;
}

/// The data of one binding in a launch. Host memory may start at any address.
pub(crate) enum ArgData<'a> {
    /// Uniform bytes, already laid out as WGSL says.
    Uniform(&'a [u8]),
    /// Host memory that the kernel only reads.
    Read(&'a [u8]),
    /// A part of it, in whole words, beyond which the units that are run read nothing. For [`Backend::serve`] only.
    ReadSlice(HostSlice<'a>),
    /// Host memory that the kernel writes. What the kernel does not write keeps its contents.
    Write(&'a mut [u8]),
    /// Likewise, all of it or a slice in whole words, where other devices write to other ranges of it meanwhile.
    Shared(&'a HostMemory<'a>),
    /// Host memory in which the kernel accumulates, as other devices do: each has a copy, and [folds](session::Session::fold)
    /// it in.
    Merged(&'a HostMemory<'a>, Merge),
    /// Memory of this backend, made by [`Backend::allocate`].
    Resident(&'a Arc<dyn Allocation>),
}

impl ArgData<'_> {
    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            ArgData::Uniform(bytes) | ArgData::Read(bytes) => bytes.len() as u64,
            ArgData::Write(bytes) => bytes.len() as u64,
            ArgData::ReadSlice(slice) => slice.whole,
            ArgData::Shared(host) | ArgData::Merged(host, _) => host.bytes(),
            ArgData::Resident(allocation) => allocation.bytes(),
        }
    }
}

/// One dispatch of a kernel over a grid. Checked: every binding is there, sizes fit the types,
/// nothing is aliased, no axis of the grid is zero.
pub(crate) struct Launch<'a> {
    pub kernel: &'a Kernel,
    /// One for each of [`Kernel::bindings`], in that order.
    pub args: Vec<ArgData<'a>>,
    /// Workgroups along x, y and z; each up to 2^32 - 1.
    pub workgroups: [u32; 3],
    /// What may end it early.
    pub stop: Option<&'a Stop>,
    /// Whether it runs in the workgroups that its author wrote, though their shape may make no difference.
    #[cfg_attr(not(feature = "cpu"), allow(dead_code))]
    pub is_exact: bool,
    /// Threads of the host that are left to others.
    #[cfg_attr(not(feature = "cpu"), allow(dead_code))]
    pub spare_threads: usize,
    /// How it is cut; nothing for one tile of data that fits.
    pub plan: Option<&'a Plan>,
    /// Where it is recorded.
    pub track: Option<Track<'a>>,
    /// Who wants to hear of each tile.
    pub watcher: Option<&'a mut Watcher<'a>>,
    /// Set before host memory is changed on a device that brings results there in the end: until then, a launch that fails can
    /// be done again.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub landing: Option<&'a AtomicBool>,
    /// Whether loops that the device cuts short are to be found, which fails with [`Error::WrongResult`](crate::Error::WrongResult)
    /// and leaves the host's memory as it is. Nothing of the launch is resident then.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub watches_loops: bool,
    /// How long a device may not answer before it counts as hung, for each tile; the CPU engine has all the time. Nothing where
    /// nobody knows what it should take.
    pub patience: Option<Duration>,
}

/// Who hears of tiles as they are done.
pub(crate) type Watcher<'a> = dyn FnMut(TileEvent) + Send + 'a;

impl<'a> Launch<'a> {
    /// A launch in one tile, which nothing ends.
    pub fn new(kernel: &'a Kernel, args: Vec<ArgData<'a>>, workgroups: [u32; 3]) -> Self {
        Launch {
            kernel,
            args,
            workgroups,
            stop: None,
            is_exact: false,
            spare_threads: 0,
            plan: None,
            track: None,
            watcher: None,
            landing: None,
            watches_loops: false,
            patience: None,
        }
    }
}

/// What a launch took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    /// Time in the kernel, from the device's clock where it has one, else measured around it.
    pub kernel: Duration,
    /// Time spent compiling in this launch; zero when the pipeline was cached.
    pub compile: Duration,
    /// Bytes copied to the device.
    pub bytes_up: u64,
    /// Bytes copied back.
    pub bytes_down: u64,
    /// Dispatches it was made of.
    pub dispatches: u32,
    /// Tiles it was cut into.
    pub tiles: u32,
    /// Whether an interpreter ran any of it.
    pub interpreted: bool,
}

/// Dispatches over memory that stays on a device, in their order: made ready once, run many times. Checked like a
/// [`Launch`].
pub(crate) struct Sequence {
    /// Memory of the backend, each allocation once.
    pub buffers: Vec<Arc<dyn Allocation>>,
    /// The contents of all uniforms, each at a multiple of [`UNIFORM_ALIGNMENT`].
    pub uniforms: Vec<u32>,
    /// The dispatches that differ.
    pub dispatches: Vec<Dispatch>,
    pub steps: Vec<Step>,
}

/// Where a uniform of a [`Sequence`] may start, in bytes: the most that any device asks for.
pub(crate) const UNIFORM_ALIGNMENT: usize = 256;

/// One dispatch of a [`Sequence`].
pub(crate) struct Dispatch {
    pub kernel: Kernel,
    /// One for each of [`Kernel::bindings`], in that order.
    pub args: Vec<SequenceArg>,
    /// Workgroups along x, y and z; each from 1 to 2^32 - 1.
    pub workgroups: [u32; 3],
}

/// What a dispatch of a [`Sequence`] binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SequenceArg {
    /// The first `bytes` of a buffer. No dispatch binds a buffer for writing and under another name too.
    Buffer { buffer: usize, bytes: u64 },
    /// A part of the uniforms.
    Uniform { offset: usize, bytes: usize },
}

/// One step of a [`Sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The dispatch of this number.
    Dispatch(u32),
    /// Zeroes the first `bytes` of a buffer.
    Zero { buffer: u32, bytes: u64 },
}

/// A stretch of a [`Sequence`] to be run. The turns of one sequence come one at a time.
pub(crate) struct SequenceTurn<'a> {
    /// Buffers and what is copied to their starts first.
    pub uploads: Vec<(usize, &'a [u8])>,
    /// The uniforms as they are now.
    pub uniforms: &'a [u32],
    /// Whether they may differ from those of the turn before.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code))]
    pub uniforms_changed: bool,
    /// Which steps.
    pub steps: Range<usize>,
    pub downloads: Vec<Download<'a>>,
    /// What may end it early.
    pub stop: Option<&'a Stop>,
}

/// Where the start of a buffer is copied to at the end of a [`SequenceTurn`].
pub(crate) struct Download<'a> {
    pub buffer: usize,
    pub data: &'a mut [u8],
    /// The buffer to which what is there is copied first.
    pub upload: Option<usize>,
}

impl<'a> SequenceTurn<'a> {
    /// All that is copied to buffers before the first step.
    pub fn all_uploads(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let updates = self.downloads.iter().filter_map(|download| Some((download.upload?, &*download.data)));
        self.uploads.iter().copied().chain(updates)
    }
}

/// A [`Sequence`] as the backend that made it ready keeps it.
pub(crate) type Ready = Box<dyn Any + Send + Sync>;

/// A device that can run kernels.
pub(crate) trait Backend: Send + Sync {
    /// What the device is.
    fn info(&self) -> &DeviceInfo;
    /// Whether its launches compute anything, so that there is something to probe.
    fn computes(&self) -> bool {
        true
    }
    /// What its memory can hold; nothing where kernels work in the host's memory, whatever the size of their data.
    fn capacity(&self) -> Option<Capacity>;
    /// Has memory that is kept for later calls make room, so that with what is in use there are no more bytes than these.
    fn keep_below(&self, _bytes: Option<u64>) {}
    /// Its place on the PCI bus, by which others know it; nothing where it has none.
    #[cfg(feature = "nvml")]
    fn bus_id(&self) -> Option<String> {
        None
    }
    /// Refuses, by the name of the feature or limit, a kernel that the device cannot run.
    fn supports(&self, kernel: &Kernel) -> Result<()>;
    /// The shape of the workgroups in which it runs a part of this size of a kernel that does not see it; nothing where that is the
    /// author's.
    fn shape(&self, _kernel: &Kernel, _workgroups: [u32; 3]) -> Option<[u32; 3]> {
        None
    }
    /// Waits until what was given up is done, for `limit` at most.
    fn wait_until_idle(&self, _limit: Duration) -> Result<()> {
        Ok(())
    }
    /// Compiles the kernel, or finds it in the cache; gives the time it took.
    fn prepare(&self, kernel: &Kernel) -> Result<Duration>;
    /// Makes memory, zeroed.
    fn allocate(&self, bytes: u64, label: &str) -> Result<Arc<dyn Allocation>>;
    /// Runs the kernel and returns when its results are in the arguments, or soon after its stop is set, with the
    /// stop's error.
    fn launch(&self, launch: Launch<'_>) -> Result<Metrics>;
    /// Opens a session for a launch as it is planned, and hands it to `body`. The results of what `body` settled are in the
    /// arguments when this returns, also with an error.
    fn serve(&self, launch: Launch<'_>, plan: &Plan, body: &mut Body<'_>) -> Result<Metrics>;
    /// Compiles a sequence's kernels and makes what its turns use again; gives the time spent compiling.
    fn sequence(&self, sequence: Sequence) -> Result<(Ready, Duration)>;
    /// Runs a turn of a sequence that this backend made ready, and returns when its downloads are filled, or soon after
    /// its stop is set, with the stop's error.
    fn run_turn(&self, ready: &Ready, turn: SequenceTurn<'_>) -> Result<Metrics>;
}
