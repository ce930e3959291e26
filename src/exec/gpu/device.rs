//! Adapters and devices: which there are, what they offer, and what has gone wrong on them.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use futures::FutureExt;

use super::memory::UNIT;
use crate::{
    device_info::{DeviceInfo, DeviceKind},
    error::{Error, Message, Result},
};

/// The backends looked at, the better one first where a GPU is seen through several.
const BACKENDS: [wgpu::Backends; 3] = [wgpu::Backends::METAL, wgpu::Backends::VULKAN, wgpu::Backends::DX12];

/// Features that a kernel may use, by the names of WebGPU where it has one. All that the adapter offers
/// are asked for.
const FEATURES: &[(wgpu::Features, &str)] = &[
    (wgpu::Features::SHADER_F16, "shader-f16"),
    (wgpu::Features::SUBGROUP, "subgroups"),
    (wgpu::Features::SUBGROUP_BARRIER, "subgroup-barrier"),
    (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
    (wgpu::Features::SHADER_FLOAT32_ATOMIC, "shader-float32-atomic"),
    (wgpu::Features::SHADER_I16, "shader-i16"),
    (wgpu::Features::SHADER_F64, "shader-f64"),
    (wgpu::Features::SHADER_INT64, "shader-int64"),
    (wgpu::Features::SHADER_INT64_ATOMIC_MIN_MAX, "shader-int64-atomic-min-max"),
    (wgpu::Features::SHADER_INT64_ATOMIC_ALL_OPS, "shader-int64-atomic-all-ops"),
];

/// Features that only this backend uses.
const OWN_FEATURES: wgpu::Features = wgpu::Features::PIPELINE_CACHE;

/// An open device, its queue, and what is known of both.
pub(super) struct OpenDevice {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: DeviceInfo,
    pub limits: wgpu::Limits,
    pub features: wgpu::Features,
    pub faults: Arc<Faults>,
    /// Where it was found; nothing for one that somebody else opened.
    pub origin: Option<Origin>,
}

/// An adapter, to be found again.
pub(super) struct Origin {
    backend: wgpu::Backends,
    info: wgpu::AdapterInfo,
}

impl Origin {
    /// Opens the device anew, if it is there.
    pub fn open(&self) -> Option<OpenDevice> {
        let adapters = adapters(self.backend);
        let same = |adapter: &wgpu::Adapter| adapter.get_info() == self.info;
        let adapter = adapters.into_iter().find(same)?;
        let mut device = open(&adapter, &self.info)?;
        device.origin = Some(Origin { backend: self.backend, info: self.info.clone() });
        Some(device)
    }
}

fn adapters(backend: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: backend,
        flags: instance_flags(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    pollster::block_on(instance.enumerate_adapters(backend))
}

/// Debugging of the graphics API, as the environment asks for it (`WGPU_VALIDATION`, `WGPU_DEBUG` and
/// the other variables of wgpu). Messages of Vulkan's validation layers go to the `log` crate.
fn instance_flags() -> wgpu::InstanceFlags {
    let flags = wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL.with_env();
    if flags.contains(wgpu::InstanceFlags::VALIDATION) {
        // Without this the layers have nobody to tell.
        return flags | wgpu::InstanceFlags::DEBUG;
    }
    flags
}

/// Opens every adapter that can compute, each physical one once.
pub(super) fn open_all() -> Vec<OpenDevice> {
    let mut opened = Vec::new();
    let mut seen: Vec<wgpu::AdapterInfo> = Vec::new();
    for backend in BACKENDS {
        if !wgpu::Instance::enabled_backend_features().contains(backend) {
            continue;
        }
        for adapter in adapters(backend) {
            let info = adapter.get_info();
            if seen.iter().any(|other| same_hardware(other, &info)) {
                tracing::debug!(adapter = info.name, backend = %info.backend, "listed already");
                continue;
            }
            if let Some(mut device) = open(&adapter, &info) {
                device.origin = Some(Origin { backend, info: info.clone() });
                opened.push(device);
                seen.push(info);
            }
        }
    }
    opened
}

/// Whether two adapters are one piece of hardware, seen through two drivers or two backends.
fn same_hardware(a: &wgpu::AdapterInfo, b: &wgpu::AdapterInfo) -> bool {
    let known = |info: &wgpu::AdapterInfo| !info.device_pci_bus_id.is_empty();
    let same_model = a.vendor == b.vendor && a.device == b.device;
    if known(a) && known(b) {
        return same_model && a.device_pci_bus_id == b.device_pci_bus_id;
    }
    // Two adapters of one backend without bus ids may well be two cards of one model.
    same_model && a.backend != b.backend
}

/// Opens a device with all that the adapter offers; `None`, with a warning, if that fails.
fn open(adapter: &wgpu::Adapter, info: &wgpu::AdapterInfo) -> Option<OpenDevice> {
    let downlevel = adapter.get_downlevel_capabilities();
    if !downlevel.flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS) {
        tracing::debug!(adapter = info.name, "has no compute shaders");
        return None;
    }
    let wanted = FEATURES.iter().fold(OWN_FEATURES, |all, (feature, _)| all | *feature);
    let features = adapter.features() & wanted;
    let request = |limits: wgpu::Limits| {
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("swath"),
            required_features: features,
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..wgpu::DeviceDescriptor::default()
        }))
    };
    // Some drivers report limits that they then refuse: what WebGPU guarantees is the second try.
    let opened = request(adapter.limits()).or_else(|error| {
        tracing::warn!(adapter = info.name, %error, "refuses its own limits; trying WebGPU's");
        request(wgpu::Limits::default())
    });
    match opened {
        Ok((device, queue)) => {
            tracing::debug!(adapter = info.name, backend = %info.backend, "opened");
            describe(device, queue, true).ok()
        }
        Err(error) => {
            tracing::warn!(adapter = info.name, %error, "cannot be opened and is left out");
            None
        }
    }
}

/// Wraps a device. `ours` says that nobody else uses it, so that its error handler may be set. A device
/// that cannot compute is refused.
pub(super) fn describe(device: wgpu::Device, queue: wgpu::Queue, ours: bool) -> Result<OpenDevice> {
    let info = device.adapter_info();
    let (limits, features) = (usable(device.limits()), device.features());
    if limits.max_compute_workgroups_per_dimension == 0 || limits.max_compute_invocations_per_workgroup == 0 {
        return Err(Error::Device(
            Message::new("the device has no compute shaders")
                .subject(info.name)
                .help("request it with wgpu's default limits, or those of its adapter"),
        ));
    }
    let faults = Arc::new(Faults::new(info.name.clone()));
    faults.watch(&device, ours);
    let driver = [info.driver.as_str(), info.driver_info.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let info = DeviceInfo {
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu,
            wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
            wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu,
            wgpu::DeviceType::Cpu => DeviceKind::SoftwareGpu,
            wgpu::DeviceType::Other => DeviceKind::OtherGpu,
        },
        name: info.name,
        backend: info.backend.to_str().to_string(),
        driver,
        limits: limits_by_name(&limits),
        features: FEATURES.iter().filter(|(feature, _)| features.contains(*feature)).map(|(_, name)| *name).collect(),
        // No API that wgpu offers on every backend tells it.
        memory: None,
    };
    Ok(OpenDevice { device, queue, info, limits, features, faults, origin: None })
}

/// The limits as far as they are to be believed: sizes in the units that can be bound, and no longer
/// grids than WebGPU promises, for longer ones are tiled anyway.
fn usable(mut limits: wgpu::Limits) -> wgpu::Limits {
    let units = |bytes: u64| bytes / UNIT * UNIT;
    limits.max_buffer_size = units(limits.max_buffer_size);
    limits.max_storage_buffer_binding_size = units(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size);
    let workgroups = &mut limits.max_compute_workgroups_per_dimension;
    *workgroups = (*workgroups).min(wgpu::Limits::default().max_compute_workgroups_per_dimension);
    limits
}

/// The limits that matter to compute, in the words of WebGPU.
fn limits_by_name(limits: &wgpu::Limits) -> Vec<(&'static str, u64)> {
    vec![
        ("maxBufferSize", limits.max_buffer_size),
        ("maxStorageBufferBindingSize", limits.max_storage_buffer_binding_size),
        ("maxUniformBufferBindingSize", limits.max_uniform_buffer_binding_size),
        ("maxStorageBuffersPerShaderStage", limits.max_storage_buffers_per_shader_stage.into()),
        ("maxUniformBuffersPerShaderStage", limits.max_uniform_buffers_per_shader_stage.into()),
        ("maxBindingsPerBindGroup", limits.max_bindings_per_bind_group.into()),
        ("maxComputeWorkgroupStorageSize", limits.max_compute_workgroup_storage_size.into()),
        ("maxComputeInvocationsPerWorkgroup", limits.max_compute_invocations_per_workgroup.into()),
        ("maxComputeWorkgroupSizeX", limits.max_compute_workgroup_size_x.into()),
        ("maxComputeWorkgroupSizeY", limits.max_compute_workgroup_size_y.into()),
        ("maxComputeWorkgroupSizeZ", limits.max_compute_workgroup_size_z.into()),
        ("maxComputeWorkgroupsPerDimension", limits.max_compute_workgroups_per_dimension.into()),
    ]
}

/// What has gone wrong on a device outside of the calls that look for it.
pub(super) struct Faults {
    device: String,
    any: AtomicBool,
    lost: OnceLock<String>,
    stray: Mutex<Option<String>>,
}

impl Faults {
    fn new(device: String) -> Self {
        Faults { device, any: AtomicBool::new(false), lost: OnceLock::new(), stray: Mutex::new(None) }
    }

    /// Has the device report its loss and, if it is `ours` alone, errors that no scope caught.
    ///
    /// A device that somebody else made keeps its error handler: all that this crate does on it
    /// happens inside of error scopes. Its loss must be known, though: wgpu's calls on a lost device
    /// do nothing and say nothing.
    fn watch(self: &Arc<Self>, device: &wgpu::Device, ours: bool) {
        let faults = Arc::clone(self);
        device.set_device_lost_callback(move |reason, message| {
            faults.lose(format!("{message} ({reason:?})"));
        });
        if ours {
            let faults = Arc::clone(self);
            device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
                tracing::error!(device = faults.device, %error, "uncaptured error");
                lock(&faults.stray).get_or_insert(error.to_string());
                faults.any.store(true, Ordering::Release);
            }));
        }
    }

    /// Notes that the device is gone.
    pub fn lose(&self, reason: String) {
        tracing::error!(device = self.device, reason, "device lost");
        let _ = self.lost.set(reason);
        self.any.store(true, Ordering::Release);
    }

    /// Why the device is gone, if it is.
    pub fn loss(&self) -> Option<&str> {
        self.lost.get().map(String::as_str)
    }

    /// Reports what went wrong since the last call; a lost device stays lost.
    pub fn check(&self) -> Result<()> {
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(reason) = self.lost.get() {
            return Err(Error::DeviceLost(
                Message::new(format!("the device is lost: {reason}"))
                    .subject(&self.device)
                    .help("what was in its buffers is gone: make them anew; other devices go on, such as `cpu`"),
            ));
        }
        self.any.store(false, Ordering::Release);
        match lock(&self.stray).take() {
            Some(error) => {
                Err(Error::Device(Message::new(format!("an earlier operation failed: {error}")).subject(&self.device)))
            }
            None => Ok(()),
        }
    }
}

/// Error scopes that catch all that wgpu has to say about one synchronous stretch of calls.
pub(super) struct Scopes {
    validation: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
    internal: wgpu::ErrorScopeGuard,
}

impl Scopes {
    pub fn open(device: &wgpu::Device) -> Self {
        Scopes {
            validation: device.push_error_scope(wgpu::ErrorFilter::Validation),
            memory: device.push_error_scope(wgpu::ErrorFilter::OutOfMemory),
            internal: device.push_error_scope(wgpu::ErrorFilter::Internal),
        }
    }

    /// The worst of what was caught. Scopes end here, in the reverse order of their start.
    pub fn close(self) -> Option<wgpu::Error> {
        // These are ready at once on every native backend.
        let internal = self.internal.pop().now_or_never().flatten();
        let memory = self.memory.pop().now_or_never().flatten();
        let validation = self.validation.pop().now_or_never().flatten();
        // A failed allocation makes later uses of it invalid: memory is the cause, not the symptom.
        memory.or(internal).or(validation)
    }
}

/// What wgpu says, as an error of this crate. `kernel` and `subject` name what it is about, where
/// there is such a thing, else they are empty.
pub(super) fn translate(error: wgpu::Error, device: &str, kernel: &str, subject: &str) -> Error {
    let message = |problem: String| Message::new(problem).kernel(kernel).subject(subject);
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::OutOfMemory(
            message(format!("device `{device}` has too little free memory"))
                .help("drop buffers that are no longer needed, use smaller ones, or use the device `cpu`"),
        ),
        wgpu::Error::Validation { description, .. } => {
            Error::Device(message(format!("device `{device}` refuses: {}", description.trim())))
        }
        wgpu::Error::Internal { description, .. } => {
            Error::Device(message(format!("device `{device}` failed: {}", description.trim())))
        }
    }
}

/// Locks a mutex whether or not a thread has panicked with it: all that is kept under these is
/// valid between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(backend: wgpu::Backend, vendor: u32, device: u32, bus: &str) -> wgpu::AdapterInfo {
        let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::DiscreteGpu, backend);
        (info.vendor, info.device) = (vendor, device);
        info.device_pci_bus_id = bus.to_string();
        info
    }

    #[test]
    fn one_card_through_two_backends_is_one() {
        let vulkan = adapter(wgpu::Backend::Vulkan, 1, 2, "0000:01:00.0");
        let dx12 = adapter(wgpu::Backend::Dx12, 1, 2, "");
        assert!(same_hardware(&vulkan, &dx12));
    }

    #[test]
    fn two_cards_of_one_model_are_two() {
        let first = adapter(wgpu::Backend::Vulkan, 1, 2, "0000:01:00.0");
        let second = adapter(wgpu::Backend::Vulkan, 1, 2, "0000:02:00.0");
        assert!(!same_hardware(&first, &second));
        let nameless = adapter(wgpu::Backend::Vulkan, 1, 2, "");
        assert!(!same_hardware(&nameless, &nameless.clone()));
        let other_model = adapter(wgpu::Backend::Dx12, 1, 3, "");
        assert!(!same_hardware(&first, &other_model));
    }

    #[test]
    fn a_fault_is_told_once_and_a_loss_for_ever() {
        let faults = Faults::new("card".to_string());
        assert!(faults.check().is_ok());
        lock(&faults.stray).replace("odd".to_string());
        faults.any.store(true, Ordering::Release);
        assert!(matches!(faults.check(), Err(Error::Device(m)) if m.problem.contains("odd")));
        assert!(faults.check().is_ok());
        faults.lose("unplugged".to_string());
        for _ in 0..2 {
            assert!(matches!(faults.check(), Err(Error::DeviceLost(m)) if m.problem.contains("unplugged")));
        }
    }
}
