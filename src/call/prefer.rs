//! What is wanted of the choice of a device.

use super::{Call, CallParts, job::Predicted};
use crate::device::Device;

/// What the choice of a device is to save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Prefer {
    /// The call is done as soon as possible.
    #[default]
    Time,
    /// The call takes as little energy as possible.
    Energy,
}

impl Call<'_> {
    /// What the choice of a device is to save where the call leaves the device open: time, or energy.
    ///
    /// Energy is that of the processors and of the GPU that runs the call, of everything that runs on them meanwhile. It is counted
    /// where the system lets the program read the counters: on Linux those of the processors (`/sys/class/powercap`, which most
    /// systems let only root read), and with the feature `nvml` those of NVIDIA's GPUs. A call that prefers energy is counted
    /// ([`Report::energy`](crate::Report::energy)), runs on one device, and shows what power that draws; a device whose power was never
    /// seen is tried once, unless it is predicted to take more than four times as long as the fastest. Where the energy of one of the
    /// devices is not known, time decides.
    ///
    /// ```
    /// let rt = swath::Runtime::new()?;
    /// let module = rt.module(
    ///     "@group(0) @binding(0) var<storage, read_write> y: array<u32>;
    ///      @compute @workgroup_size(64) fn count(@builtin(global_invocation_id) id: vec3u) {
    ///          if id.x < arrayLength(&y) { y[id.x] = id.x; }
    ///      }",
    /// )?;
    /// let mut y = vec![0u32; 100_000];
    /// let report = rt.call(&module.kernel("count")?).write("y", &mut y).prefer(swath::Prefer::Energy).run()?;
    /// match report.energy() {
    ///     Some(joules) => println!("{joules:.3} J"),
    ///     None => println!("unknown"),
    /// }
    /// # Ok::<(), swath::Error>(())
    /// ```
    pub fn prefer(mut self, prefer: Prefer) -> Self {
        self.parts.prefer = prefer;
        self
    }
}

impl CallParts<'_> {
    /// Puts devices into the order of the energy that they are predicted to take, if that is what is wanted, and known.
    pub(super) fn order_by_energy(&self, devices: &mut [Device], predicted: &[Predicted]) {
        if self.prefer == Prefer::Energy {
            let seconds = |device: &Device| {
                let of_device = predicted.iter().find(|one| one.device == *device && one.others.is_empty());
                of_device.map(|one| one.prediction.seconds)
            };
            self.devices.order_by_energy(devices, &seconds);
        }
    }
}
