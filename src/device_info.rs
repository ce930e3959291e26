//! What a device is, as plain data.

/// What kind of hardware a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// The CPU engine of this crate.
    Cpu,
    /// A GPU with memory of its own.
    DiscreteGpu,
    /// A GPU that shares the host's memory.
    IntegratedGpu,
    /// A GPU of a virtual machine.
    VirtualGpu,
    /// A GPU driver that runs on the CPU (lavapipe, SwiftShader, WARP).
    SoftwareGpu,
    /// A GPU of unknown kind.
    OtherGpu,
}

/// A device as reports show it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The device's name, as its driver gives it.
    pub name: String,
    /// What kind of hardware.
    pub kind: DeviceKind,
    /// `cpu`, `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: String,
    /// Driver name and version; for the CPU engine the executor and the instruction set it uses.
    pub driver: String,
    /// Limits in the words of WebGPU, by name.
    pub limits: Vec<(&'static str, u64)>,
    /// Names of the features a kernel may need (`shader-f16`, `subgroups`, ...) that the device has.
    pub features: Vec<&'static str>,
    /// Bytes of memory, where known.
    pub memory: Option<u64>,
}

impl DeviceInfo {
    /// The limit of this name, where the device states it.
    pub(crate) fn limit(&self, name: &str) -> Option<u64> {
        self.limits.iter().find(|(limit, _)| *limit == name).map(|&(_, value)| value)
    }

    /// A device that has only a name and a kind, for [`Runtime::null`](crate::Runtime::null).
    #[doc(hidden)]
    pub fn null(name: &str, kind: DeviceKind) -> DeviceInfo {
        DeviceInfo {
            name: name.to_owned(),
            kind,
            backend: "null".to_owned(),
            driver: "none".to_owned(),
            limits: Vec::new(),
            features: Vec::new(),
            memory: None,
        }
    }
}
