//! What a call did: where it ran, and what it took.

use std::{fmt, sync::Arc, time::Duration};

use crate::{bytes::Bytes, device::Device, error::Error, exec::Metrics, journal::Recorded, kernel::Kernel, plan::Plan};

/// What one call did. Printed, it reads as one line; with one more for each device that shared it.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) kernel: Kernel,
    pub(crate) device: Device,
    pub(crate) metrics: Metrics,
    pub(crate) members: Vec<MemberReport>,
    pub(crate) faults: Vec<FaultReport>,
    pub(crate) total: Duration,
    pub(crate) predicted: Option<Duration>,
    /// Joules.
    pub(crate) energy: Option<f64>,
    pub(crate) workgroups: [u32; 3],
    pub(crate) plan: Option<Arc<Plan>>,
    /// Units that an earlier run had done.
    pub(crate) resumed: u32,
    /// What its checkpoint belongs to.
    pub(crate) recorded: Option<Arc<Recorded>>,
}

impl Report {
    /// The kernel's name.
    pub fn kernel(&self) -> &str {
        self.kernel.name()
    }

    /// What each device did that shared the call; empty where one ran all of it. Devices of `all` that did not help have
    /// no units.
    pub fn members(&self) -> &[MemberReport] {
        &self.members
    }

    /// What failed on devices while the call ran, in order: others did that work again, and the results are whole.
    pub fn faults(&self) -> &[FaultReport] {
        &self.faults
    }

    /// The name of the device it ran on; of several, the first.
    pub fn device(&self) -> &str {
        self.device.name()
    }

    /// Time in the kernel, without transfers and compilation: from the device's clock where it has one, else measured
    /// around the dispatch. For a call whose data goes to a GPU in tiles this is the sum over its tiles; where such a
    /// GPU has no clock (`timestamp-query`), it is the time of the first tile, scaled to the whole grid, for the
    /// others run while data is copied. Where several devices share a call, it is the time of the one that took longest.
    pub fn kernel_time(&self) -> Duration {
        self.metrics.kernel
    }

    /// Time of the whole call, with transfers and compilation.
    pub fn total_time(&self) -> Duration {
        self.total
    }

    /// What the call was predicted to take, compilation left out, before it ran; nothing where that was not known.
    pub fn predicted_time(&self) -> Option<Duration> {
        self.predicted
    }

    /// Joules that the processors, and the GPU if one ran it, took while the call ran, for whatever ran on them. Only calls that
    /// [prefer](crate::Call::prefer) energy are counted; nothing where the system does not let the program read the counters, and where
    /// several devices shared the call.
    pub fn energy(&self) -> Option<f64> {
        self.energy
    }

    /// Time spent compiling; zero where the compiled kernel was at hand. Where several devices share a call, it is the
    /// time until the first of them could compute.
    pub fn compile_time(&self) -> Duration {
        self.metrics.compile
    }

    /// Bytes copied to the device.
    pub fn bytes_up(&self) -> u64 {
        self.metrics.bytes_up
    }

    /// Bytes copied back.
    pub fn bytes_down(&self) -> u64 {
        self.metrics.bytes_down
    }

    /// Dispatches that the call was made of.
    pub fn dispatches(&self) -> u32 {
        self.metrics.dispatches
    }

    /// Tiles that the call was cut into.
    pub fn tiles(&self) -> u32 {
        self.metrics.tiles
    }

    /// How the call was planned; nothing for a call in one tile whose plan nobody asked for.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_deref()
    }

    /// Whether the CPU engine interpreted the kernel: it was told to, this machine cannot run compiled code, or the kernel
    /// is one that the compiler leaves out. The results are the same, and take longer.
    pub fn interpreted(&self) -> bool {
        self.metrics.interpreted
    }

    /// Units that an earlier run of the same call had done, by its [checkpoint](crate::Call::checkpoint).
    pub fn resumed_units(&self) -> u32 {
        self.resumed
    }

    /// Workgroups along x, y and z.
    pub fn workgroups(&self) -> [u32; 3] {
        self.workgroups
    }

    fn where_it_ran(&self) -> String {
        match self.members.iter().filter(|member| member.units > 0).count() {
            0 | 1 => self.device().to_owned(),
            several => format!("{several} devices"),
        }
    }
}

/// What a device did that shared a call with others.
#[derive(Clone, Debug)]
pub struct MemberReport {
    pub(crate) device: Device,
    pub(crate) units: u32,
    pub(crate) metrics: Metrics,
    pub(crate) busy: Duration,
    pub(crate) idle: Duration,
}

impl MemberReport {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Units whose results are this device's.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Runs of units that it computed.
    pub fn tiles(&self) -> u32 {
        self.metrics.tiles
    }

    /// Time in the kernel, as [`Report::kernel_time`].
    pub fn kernel_time(&self) -> Duration {
        self.metrics.kernel
    }

    /// Time from a claim to its results, transfers included; times that overlap count once.
    pub fn busy_time(&self) -> Duration {
        self.busy
    }

    /// The rest of the time that the call ran.
    pub fn idle_time(&self) -> Duration {
        self.idle
    }

    /// Time spent compiling.
    pub fn compile_time(&self) -> Duration {
        self.metrics.compile
    }

    /// Bytes copied to the device.
    pub fn bytes_up(&self) -> u64 {
        self.metrics.bytes_up
    }

    /// Bytes copied back.
    pub fn bytes_down(&self) -> u64 {
        self.metrics.bytes_down
    }

    /// What all members did together. They work side by side: of times in kernels the longest counts, and of those spent
    /// compiling the shortest, for then somebody computed.
    pub(crate) fn total(members: &[MemberReport]) -> Metrics {
        let helped = members.iter().filter(|member| member.units > 0);
        let compile = helped.map(|member| member.metrics.compile).min().unwrap_or_default();
        members.iter().map(|member| member.metrics).fold(Metrics::default(), |all, one| Metrics {
            kernel: all.kernel.max(one.kernel),
            compile,
            bytes_up: all.bytes_up + one.bytes_up,
            bytes_down: all.bytes_down + one.bytes_down,
            dispatches: all.dispatches + one.dispatches,
            tiles: all.tiles + one.tiles,
            interpreted: all.interpreted || one.interpreted,
        })
    }
}

/// Something that failed on a device in a call, and was done again.
#[derive(Clone, Debug)]
pub struct FaultReport {
    pub(crate) device: Device,
    pub(crate) error: Error,
    pub(crate) is_out: bool,
}

impl FaultReport {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What it said.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Whether the device did nothing more in this call; else it went on, with less at a time if its memory was short.
    pub fn is_out(&self) -> bool {
        self.is_out
    }
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error.to_string();
        let what = if self.is_out { "others did its work" } else { "it was done again" };
        write!(f, "{} failed, and {what}: {}", self.device.describe(), error.lines().next().unwrap_or_default())
    }
}

impl fmt::Display for MemberReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} units in {} tiles", self.device.describe(), self.units, self.tiles())?;
        if self.units == 0 {
            return Ok(());
        }
        let (up, down) = (Bytes(self.bytes_up()), Bytes(self.bytes_down()));
        write!(f, ", busy {:.3?}, idle {:.3?}, {up} up, {down} down", self.busy, self.idle)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.workgroups;
        write!(
            f,
            "{} on {}: {x} x {y} x {z} workgroups, kernel {:.3?}, total {:.3?}",
            self.kernel(),
            self.where_it_ran(),
            self.kernel_time(),
            self.total_time()
        )?;
        if !self.compile_time().is_zero() {
            write!(f, " ({:.3?} compiling)", self.compile_time())?;
        }
        if let Some(predicted) = self.predicted {
            write!(f, ", {predicted:.3?} predicted")?;
        }
        if let Some(joules) = self.energy {
            write!(f, ", {joules:.3} J")?;
        }
        write!(f, ", {} up, {} down", Bytes(self.bytes_up()), Bytes(self.bytes_down()))?;
        if self.tiles() != 1 {
            write!(f, ", {} tiles", self.tiles())?;
        }
        if self.dispatches() != 1 {
            write!(f, ", {} dispatches", self.dispatches())?;
        }
        if self.resumed > 0 {
            write!(f, ", {} units resumed", self.resumed)?;
        }
        if self.interpreted() {
            write!(f, ", interpreted")?;
        }
        self.members.iter().try_for_each(|member| write!(f, "\n  {member}"))?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
