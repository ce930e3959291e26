//! Which device a call runs on, and how its grid is cut there.

use std::{sync::Arc, time::Duration};

use super::{
    Call,
    args::{Arg, Data},
};
use crate::{
    error::{Error, Result},
    kernel::{Binding, BindingKind, Kernel},
    plan::{
        Detour, Misfit, Plan,
        request::{Given, Holder, Shape},
    },
    report::exact_bytes,
    runtime::Device,
};

/// Where a call runs.
pub(super) struct Placement {
    pub device: Device,
    /// How it is cut there; nothing for a call in one tile that nobody wants explained.
    pub plan: Option<Arc<Plan>>,
    /// Time spent compiling to find out whether the device can run the kernel.
    pub compile: Duration,
}

/// The devices that may run a call, best first.
struct Candidates {
    devices: Vec<Device>,
    /// Whether the first one was asked for, or holds the data.
    is_decided: bool,
}

impl Call<'_> {
    /// Finds the device, and plans the call if it has to be cut, or if a plan is `wanted` anyway.
    pub(super) fn place(&self, workgroups: [u32; 3], wanted: bool) -> Result<Placement> {
        let Candidates { devices, is_decided } = self.candidates()?;
        let mut given = self.given(workgroups);
        let wanted = wanted || self.tiles.is_some() || !self.watchers.is_empty();
        let mut refusal = None;
        let mut misfit: Option<(&Device, Misfit)> = None;
        for (at, device) in devices.iter().enumerate() {
            let compile = match device.accepts(&self.kernel) {
                Ok(compile) => compile,
                // Who asks for a device wants to know what it lacks.
                Err(error) if at == 0 && is_decided => return Err(error),
                Err(error) => {
                    refusal = refusal.or(Some(error));
                    continue;
                }
            };
            given.shape.capacity = device.capacity();
            if !wanted && misfit.is_none() && given.shape.fits() {
                self.check_sizes(device)?;
                return Ok(Placement { device: device.clone(), plan: None, compile });
            }
            match self.runtime.plan(&self.kernel, &given, device)? {
                Ok(plan) => {
                    self.check_sizes(device)?;
                    let plan = match &misfit {
                        None => plan,
                        Some((other, misfit)) => {
                            let detour = Detour { device: other.describe(), reason: misfit.to_string() };
                            Arc::new(plan.with_detour(detour))
                        }
                    };
                    return Ok(Placement { device: device.clone(), plan: Some(plan), compile });
                }
                Err(why) => misfit = misfit.or(Some((device, why))),
            }
        }
        Err(match misfit {
            Some((device, misfit)) => unfit(&self.kernel, device, &misfit),
            None => refusal.unwrap_or_else(|| Error::NoDevice(self.kernel.message("the runtime has no device"))),
        })
    }

    /// The call, as far as a plan depends on it.
    pub(super) fn given(&self, workgroups: [u32; 3]) -> Given<'_> {
        let bindings = self.kernel.bindings();
        let bytes = |(binding, arg): (&Binding, &Option<Arg<'_>>)| match arg {
            Some(arg) => arg.data.bytes(),
            None => self.uniforms.bytes(binding).len() as u64,
        };
        let holder = |(binding, arg): (&Binding, &Option<Arg<'_>>)| match arg {
            Some(Arg { data: Data::Resident { .. }, .. }) => Holder::Resident,
            _ if binding.kind == BindingKind::Uniform => Holder::Uniform,
            _ => Holder::Host,
        };
        let shape = Shape {
            workgroups,
            bytes: bindings.iter().zip(&self.args).map(bytes).collect(),
            holders: bindings.iter().zip(&self.args).map(holder).collect(),
            capacity: None,
            memory: self.memory,
            tiles: self.tiles,
            reports: !self.watchers.is_empty(),
        };
        Given { shape, uniforms: self.uniforms.all() }
    }

    /// The device that holds the buffers, the one asked for, or all that there are. Behind one that was asked for comes
    /// the CPU engine, for what that one cannot hold.
    fn candidates(&self) -> Result<Candidates> {
        let mut holder: Option<(&Device, &str)> = None;
        for (binding, arg) in self.kernel.bindings().iter().zip(&self.args) {
            let Some(Arg { data: Data::Resident { device, .. }, .. }) = arg else { continue };
            match holder {
                Some((other, name)) if other != device => {
                    let problem = format!(
                        "`{name}` lives on {}, and `{}` on {}",
                        other.describe(),
                        binding.name,
                        device.describe()
                    );
                    let help = "make both on one device, or copy one over with Buffer::copy_from";
                    return Err(Error::Call(self.kernel.message(problem).help(help)));
                }
                Some(_) => {}
                None => holder = Some((device, &binding.name)),
            }
        }
        match (holder, &self.device) {
            (Some((holder, name)), Some(asked)) if holder != asked => {
                let problem =
                    format!("`{name}` lives on {}, and the call asks for {}", holder.describe(), asked.describe());
                let help = "leave .device(..) out, or make the buffer on that device";
                Err(Error::Call(self.kernel.message(problem).help(help)))
            }
            (Some((holder, _)), _) => Ok(Candidates { devices: vec![holder.clone()], is_decided: true }),
            (None, Some(asked)) => {
                let mut devices = vec![asked.clone()];
                devices.extend(self.runtime.engine().filter(|engine| *engine != asked).cloned());
                Ok(Candidates { devices, is_decided: true })
            }
            (None, None) => {
                let (devices, is_decided) = self.runtime.preferred()?;
                Ok(Candidates { devices, is_decided })
            }
        }
    }

    /// Refuses bindings that are larger than the CPU engine takes, or that a device is given as a whole by the caller.
    fn check_sizes(&self, device: &Device) -> Result<()> {
        let limit = device.inner.max_binding.min(device.inner.max_buffer);
        for (binding, arg) in self.kernel.bindings().iter().zip(&self.args) {
            let Some(arg) = arg else { continue };
            let fixed = device.capacity().is_none() || matches!(arg.data, Data::Resident { .. });
            let bytes = arg.data.bytes();
            if fixed && bytes > limit {
                return Err(too_large(&self.kernel, binding, bytes, device));
            }
        }
        Ok(())
    }
}

/// The error for a binding that is given as a whole and is larger than the device takes.
pub(crate) fn too_large(kernel: &Kernel, binding: &Binding, bytes: u64, device: &Device) -> Error {
    let misfit = Misfit::Binding {
        name: binding.name.clone(),
        bytes,
        limit: device.inner.max_binding.min(device.inner.max_buffer),
        limit_name: "maxStorageBufferBindingSize",
        reason: String::new(),
        line: None,
    };
    unfit(kernel, device, &misfit)
}

/// The error of a call that no device can hold.
fn unfit(kernel: &Kernel, device: &Device, misfit: &Misfit) -> Error {
    let device = device.describe();
    let (problem, subject) = match misfit {
        Misfit::Binding { name, bytes, limit, reason, line, .. } => {
            let (bytes, limit) = (exact_bytes(*bytes), exact_bytes(*limit));
            let mut problem = format!("`{name}` holds {bytes}, and {device} takes up to {limit} in a binding");
            if !reason.is_empty() {
                problem += &format!("; it cannot be cut: {reason}");
                if let Some(line) = line {
                    problem += &format!(" (line {line})");
                }
            }
            (problem, name.as_str())
        }
        Misfit::Memory { .. } => (format!("{device} cannot hold the call: {misfit}"), ""),
    };
    let message = kernel.message(problem).help("go in batches, or choose another device (`cpu` takes any size)");
    Error::Unsupported(if subject.is_empty() { message } else { message.subject(subject) })
}
