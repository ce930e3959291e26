//! What a run of a chain did.

use std::{fmt, time::Duration};

use crate::{bytes::Bytes, device::Device, exec::Metrics};

/// What one run of a chain did. Printed, it reads as one line.
#[derive(Clone, Debug)]
pub struct ChainReport {
    pub(super) device: Device,
    pub(super) kernel: Duration,
    pub(super) total: Duration,
    pub(super) bytes_up: u64,
    pub(super) bytes_down: u64,
    pub(super) dispatches: u64,
    pub(super) interpreted: bool,
    pub(super) rounds: Vec<usize>,
    pub(super) resumed: usize,
    pub(super) checkpoints: usize,
    pub(super) checkpoint_time: Duration,
    pub(super) members: Vec<ChainMember>,
}

/// What one of several devices did in a run of a chain.
#[derive(Clone, Debug)]
pub struct ChainMember {
    device: Device,
    pub(super) branches: usize,
    metrics: Metrics,
}

impl ChainMember {
    pub(super) fn new(device: Device) -> ChainMember {
        ChainMember { device, branches: 0, metrics: Metrics::default() }
    }

    pub(super) fn add(&mut self, metrics: &Metrics) {
        let own = &mut self.metrics;
        own.kernel += metrics.kernel;
        own.bytes_up += metrics.bytes_up;
        own.bytes_down += metrics.bytes_down;
        own.dispatches += metrics.dispatches;
        own.interpreted |= metrics.interpreted;
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Branches that it ran.
    pub fn branches(&self) -> usize {
        self.branches
    }

    /// Dispatches that it made.
    pub fn dispatches(&self) -> u64 {
        self.metrics.dispatches.into()
    }

    /// Time in its kernels.
    pub fn kernel_time(&self) -> Duration {
        self.metrics.kernel
    }

    /// Bytes copied to it.
    pub fn bytes_up(&self) -> u64 {
        self.metrics.bytes_up
    }

    /// Bytes copied from it.
    pub fn bytes_down(&self) -> u64 {
        self.metrics.bytes_down
    }
}

impl ChainReport {
    pub(super) fn new(device: Device, rounds: Vec<usize>) -> ChainReport {
        let none = Duration::ZERO;
        ChainReport {
            device,
            kernel: none,
            total: none,
            bytes_up: 0,
            bytes_down: 0,
            dispatches: 0,
            interpreted: false,
            rounds,
            resumed: 0,
            checkpoints: 0,
            checkpoint_time: none,
            members: Vec::new(),
        }
    }

    pub(super) fn add_member(&mut self, member: ChainMember) {
        self.add(&member.metrics);
        self.members.push(member);
    }

    pub(super) fn add(&mut self, metrics: &Metrics) {
        self.kernel += metrics.kernel;
        self.bytes_up += metrics.bytes_up;
        self.bytes_down += metrics.bytes_down;
        self.dispatches += u64::from(metrics.dispatches);
        self.interpreted |= metrics.interpreted;
    }

    /// The name of the device it ran on; of several, the first.
    pub fn device(&self) -> &str {
        self.device.name()
    }

    /// What each device did, where several ran its branches; empty where one ran all of it.
    pub fn members(&self) -> &[ChainMember] {
        &self.members
    }

    /// Time from the first dispatch to the end of the last: from the device's clock where it has one, else measured
    /// around them. Of several devices and branches, the sum of those times.
    pub fn kernel_time(&self) -> Duration {
        self.kernel
    }

    /// Time of the whole run, with transfers.
    pub fn total_time(&self) -> Duration {
        self.total
    }

    /// Bytes copied to the device.
    pub fn bytes_up(&self) -> u64 {
        self.bytes_up
    }

    /// Bytes copied back, those that loops looked at included.
    pub fn bytes_down(&self) -> u64 {
        self.bytes_down
    }

    /// Dispatches that were made.
    pub fn dispatches(&self) -> u64 {
        self.dispatches
    }

    /// Whether the CPU engine interpreted any of it, as [`Report::interpreted`](crate::Report::interpreted) says of a call.
    pub fn interpreted(&self) -> bool {
        self.interpreted
    }

    /// For each [`repeat_until`](super::ChainBuilder::repeat_until), the rounds after which it ended.
    pub fn rounds(&self) -> &[usize] {
        &self.rounds
    }

    /// Calls (and zeroings) that had been made before, in an earlier run with the same
    /// [checkpoint](super::Chain::checkpoint).
    pub fn resumed_calls(&self) -> usize {
        self.resumed
    }

    /// States that were stored.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints
    }

    /// Time that storing them took, the copies from the device included.
    pub fn checkpoint_time(&self) -> Duration {
        self.checkpoint_time
    }
}

impl fmt::Display for ChainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.dispatches == 1 { "" } else { "es" };
        write!(
            f,
            "chain on {}: {} dispatch{plural}, kernels {:.3?}, total {:.3?}, {} up, {} down",
            match self.members.as_slice() {
                [] => self.device().to_owned(),
                members => members.iter().map(|member| member.device.name()).collect::<Vec<_>>().join(" and "),
            },
            self.dispatches,
            self.kernel,
            self.total,
            Bytes(self.bytes_up),
            Bytes(self.bytes_down)
        )?;
        if self.interpreted {
            write!(f, ", interpreted")?;
        }
        if self.resumed > 0 {
            write!(f, ", {} calls made before", self.resumed)?;
        }
        if self.checkpoints > 0 {
            let plural = if self.checkpoints == 1 { "" } else { "s" };
            write!(f, ", {} state{plural} stored in {:.3?}", self.checkpoints, self.checkpoint_time)?;
        }
        for member in &self.members {
            let (plural, device) = (if member.branches == 1 { "" } else { "es" }, member.device.alias());
            write!(f, "\n  {device}: {} branch{plural}, kernels {:.3?}", member.branches, member.metrics.kernel)?;
        }
        Ok(())
    }
}
