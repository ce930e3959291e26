//! What a call did: where it ran, and what it took.

use std::{fmt, sync::Arc, time::Duration};

use crate::{bytes::Bytes, device::Device, exec::Metrics, kernel::Kernel, plan::Plan};

/// What one call did. Printed, it reads as one line.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) kernel: Kernel,
    pub(crate) device: Device,
    pub(crate) metrics: Metrics,
    pub(crate) total: Duration,
    pub(crate) workgroups: [u32; 3],
    pub(crate) plan: Option<Arc<Plan>>,
}

impl Report {
    /// The kernel's name.
    pub fn kernel(&self) -> &str {
        self.kernel.name()
    }

    /// The name of the device it ran on.
    pub fn device(&self) -> &str {
        self.device.name()
    }

    /// Time in the kernel, without transfers and compilation: from the device's clock where it has one, else measured
    /// around the dispatch. For a call whose data goes to a GPU in tiles this is the sum over its tiles; where such a
    /// GPU has no clock (`timestamp-query`), it is the time of the first tile, scaled to the whole grid, for the
    /// others run while data is copied.
    pub fn kernel_time(&self) -> Duration {
        self.metrics.kernel
    }

    /// Time of the whole call, with transfers and compilation.
    pub fn total_time(&self) -> Duration {
        self.total
    }

    /// Time spent compiling; zero where the compiled kernel was at hand.
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

    /// Workgroups along x, y and z.
    pub fn workgroups(&self) -> [u32; 3] {
        self.workgroups
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.workgroups;
        write!(
            f,
            "{} on {}: {x} x {y} x {z} workgroups, kernel {:.3?}, total {:.3?}",
            self.kernel(),
            self.device(),
            self.kernel_time(),
            self.total_time()
        )?;
        if !self.compile_time().is_zero() {
            write!(f, " ({:.3?} compiling)", self.compile_time())?;
        }
        write!(f, ", {} up, {} down", Bytes(self.bytes_up()), Bytes(self.bytes_down()))?;
        if self.tiles() != 1 {
            write!(f, ", {} tiles", self.tiles())?;
        }
        if self.dispatches() != 1 {
            write!(f, ", {} dispatches", self.dispatches())?;
        }
        if self.interpreted() {
            write!(f, ", interpreted")?;
        }
        Ok(())
    }
}
