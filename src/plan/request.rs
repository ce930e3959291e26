//! What a plan is made from.

use smallvec::SmallVec;

use crate::{
    access::Numbers,
    device_info::DeviceInfo,
    kernel::{BindingKind, Kernel},
};

/// Where the data of a binding is when a call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DataLocation {
    Uniform,
    Host,
    /// In a buffer on the device.
    Resident,
}

/// What a device with a memory of its own can hold. The CPU engine works in the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Capacity {
    /// Bytes of the largest storage binding.
    pub max_binding: u64,
    /// Bytes of the largest buffer.
    pub max_buffer: u64,
    /// Bytes of memory, where known.
    pub memory: Option<u64>,
    /// Workgroups of a dispatch along an axis.
    pub max_workgroups: u32,
}

impl Capacity {
    /// What the limits of a device with a memory of its own say.
    pub fn of(info: &DeviceInfo) -> Capacity {
        let limit = |name| info.limit(name).unwrap_or(u64::MAX);
        Capacity {
            max_binding: limit("maxStorageBufferBindingSize"),
            max_buffer: limit("maxBufferSize"),
            memory: info.memory,
            max_workgroups: u32::try_from(limit("maxComputeWorkgroupsPerDimension")).unwrap_or(u32::MAX),
        }
    }

    /// Bytes of the largest buffer that can be bound, and the limit that says so.
    pub fn largest(&self) -> (u64, &'static str) {
        if self.max_binding <= self.max_buffer {
            (self.max_binding, "maxStorageBufferBindingSize")
        } else {
            (self.max_buffer, "maxBufferSize")
        }
    }
}

/// A call, as far as its plan depends on it, save what its uniforms hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallShape {
    pub workgroups: [u32; 3],
    /// Bytes of each binding.
    pub bytes: SmallVec<[u64; 8]>,
    /// Where each binding is.
    pub holders: SmallVec<[DataLocation; 8]>,
    /// Of the device; nothing for the CPU engine.
    pub capacity: Option<Capacity>,
    /// The most device memory that the caller allows.
    pub memory: Option<u64>,
    /// The number of tiles that the caller asks for.
    pub tiles: Option<u32>,
    /// Whether somebody wants to hear of each tile.
    pub reports: bool,
    /// Whether several devices share the call: then each is given the parts of its units.
    pub splits: bool,
    /// Whether what is done is recorded on disk meanwhile.
    pub is_recorded: bool,
}

impl CallShape {
    /// Of a call that nobody wants cut, on the CPU engine.
    pub fn new(
        workgroups: [u32; 3],
        bytes: impl IntoIterator<Item = u64>,
        holders: impl IntoIterator<Item = DataLocation>,
    ) -> CallShape {
        CallShape {
            workgroups,
            bytes: bytes.into_iter().collect(),
            holders: holders.into_iter().collect(),
            capacity: None,
            memory: None,
            tiles: None,
            reports: false,
            splits: false,
            is_recorded: false,
        }
    }

    /// The bindings whose data is in the host's memory.
    pub fn on_host(&self) -> impl Iterator<Item = usize> {
        (0..self.bytes.len()).filter(|&at| self.holders[at] == DataLocation::Host)
    }

    /// Bytes of all data in the host's memory.
    pub fn total(&self) -> u64 {
        self.on_host().map(|at| self.bytes[at]).sum()
    }

    /// Bytes that the call may take of a device's memory.
    pub fn budget(&self, capacity: &Capacity) -> u64 {
        self.memory.unwrap_or(u64::MAX).min(capacity.memory.unwrap_or(u64::MAX))
    }

    /// Whether the device can hold all data at a time.
    pub fn fits(&self) -> bool {
        self.capacity.is_none_or(|capacity| {
            self.total() <= self.budget(&capacity) && self.on_host().all(|at| self.bytes[at] <= capacity.largest().0)
        })
    }
}

/// A call, as far as its plan depends on it.
#[derive(Clone, Debug)]
pub(crate) struct PlanRequest<'a> {
    pub shape: CallShape,
    /// The uniform bytes of the call, each binding's at its place.
    pub uniforms: &'a [u8],
}

impl<'a> PlanRequest<'a> {
    /// The uniform word at a byte of a binding.
    pub fn word(&self, kernel: &Kernel, binding: usize, offset: u32) -> Option<u32> {
        let at = kernel.bindings()[binding].uniform_offset + offset as usize;
        Some(u32::from_ne_bytes(*self.uniforms.get(at..)?.first_chunk()?))
    }

    /// The numbers that an analysis of the call is given.
    pub fn numbers(&self, kernel: &Kernel) -> Numbers<'a> {
        let mut numbers = Numbers::new().with_workgroups(self.shape.workgroups);
        for (at, binding) in kernel.bindings().iter().enumerate() {
            numbers = match binding.kind {
                BindingKind::Uniform => match self.uniforms.get(binding.uniform_offset..) {
                    Some(bytes) => numbers.with_uniform(at, 0, bytes),
                    None => numbers,
                },
                _ => numbers.with_bytes(at, self.shape.bytes[at]),
            };
        }
        numbers
    }
}
