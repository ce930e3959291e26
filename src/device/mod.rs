//! Devices: the handle, the choice of one, and the list that a runtime holds.

mod budget;
mod choice;
mod energy;
mod learn;
mod list;
mod measure;
mod recall;
mod share;
mod ticket;
mod trust;
mod variant;
mod worker;

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub(crate) use budget::{Reservation, call_back, reserve};
pub use choice::DeviceChoice;
pub(crate) use choice::{Asked, Candidates, Decision, decide};
pub(crate) use list::Devices;
pub(crate) use share::Sharing;
pub(crate) use ticket::Ticket;
pub(crate) use variant::{Regrid, Variant, in_words};

use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::Result,
    exec::Backend,
    kernel::Kernel,
    plan::request::Capacity,
};
use budget::MemoryBudget;
use worker::Worker;

/// A device of a [`Runtime`](crate::Runtime): a GPU, or the CPU engine. Cheap to clone.
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
    /// As its backend says.
    capacity: Option<Capacity>,
    /// What calls and buffers may take of its memory, where that is limited. None for a device that works in the host's.
    pub budget: Option<Arc<MemoryBudget>>,
    worker: OnceLock<Worker>,
    /// What probes have found, those that have run.
    findings: Mutex<trust::Findings>,
}

impl Device {
    /// A device of which calls and buffers take up to `memory` bytes, if that is limited.
    pub(crate) fn new(backend: Arc<dyn Backend>, alias: String, memory: Option<u64>) -> Device {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let limit = |name| backend.info().limit(name).unwrap_or(u64::MAX);
        let capacity = backend.capacity();
        let memory = memory.filter(|_| capacity.is_some());
        backend.keep_below(memory);
        let inner = DeviceInner {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            alias,
            max_binding: limit("maxStorageBufferBindingSize"),
            max_buffer: limit("maxBufferSize"),
            capacity,
            budget: memory.map(|bytes| Arc::new(MemoryBudget::new(bytes))),
            worker: OnceLock::new(),
            findings: Mutex::default(),
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

    /// The short name that [`Runtime::device`](crate::Runtime::device) takes: `cpu`, `gpu:0`.
    pub fn alias(&self) -> &str {
        &self.inner.alias
    }

    /// Compiles `kernel` for the device, unless that has been done; gives the time it took.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) where the kernel needs what the device lacks.
    pub fn prepare(&self, kernel: &Kernel) -> Result<Duration> {
        kernel.check_complete()?;
        Ok(self.accepts(kernel)? + self.inner.backend.prepare(kernel)?)
    }

    /// Waits until the device has done what was given up on it, at a [deadline](crate::Call::deadline) or by a
    /// [`CancelToken`](crate::CancelToken), and takes calls again; for `limit` at most. Does not wait for calls that run as they
    /// should. The CPU engine is always idle in this sense.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`](crate::Error::Busy) where it is not done by then, and [`Error::DeviceLost`](crate::Error::DeviceLost).
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// rt.device("auto")?.idle(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn idle(&self, limit: Duration) -> Result<()> {
        self.inner.backend.wait_until_idle(limit)
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

    /// What its memory can hold; nothing for a device that works in the host's.
    pub(crate) fn capacity(&self) -> Option<Capacity> {
        let capacity = self.inner.capacity?;
        let Some(budget) = &self.inner.budget else { return Some(capacity) };
        let most = budget.for_data();
        Some(Capacity { memory: Some(capacity.memory.map_or(most, |memory| memory.min(most))), ..capacity })
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
