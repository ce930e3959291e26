//! Which device a call runs on, and how its grid is cut there.

use std::{sync::Arc, time::Duration};

use super::{
    CallParts,
    args::{Arg, Data},
    checkpoint,
    grid::Extent,
    job::Predicted,
    prefer::Prefer,
    search::{Search, Wishes},
    split::Split,
};
use crate::{
    bytes::exact_bytes,
    device::{self, Asked, Candidates, Device, Regrid, Sharing, Ticket, Variant},
    error::{Error, Result},
    kernel::{Binding, BindingKind, Kernel},
    plan::{
        Misfit, Plan, plan_nothing,
        request::{CallShape, DataLocation, PlanRequest},
    },
};

/// Where a call runs.
pub(super) struct Placement {
    pub device: Device,
    /// How it is cut there; nothing for a call in one tile that nobody wants explained.
    pub plan: Option<Arc<Plan>>,
    /// Time spent compiling to find out whether the device can run the kernel.
    pub compile: Duration,
    /// Who shares the call, the device included; nothing where it runs all of it.
    pub split: Option<Box<Split>>,
    /// What to tell once it has run.
    pub ticket: Option<Box<Ticket>>,
    /// The call with constants that were tuned for the device, where it leaves them open and they are used; and its workgroups.
    pub tuned: Option<(Arc<Variant>, [u32; 3])>,
    /// What it is predicted to take, on this device and on the others that may run it, if that is wanted and known.
    pub predicted: Vec<Predicted>,
    /// Whether the device is to find loops that it cuts short.
    pub watches_loops: bool,
}

impl Placement {
    /// All of it on a device.
    pub fn on(device: Device) -> Placement {
        let (compile, predicted) = (Duration::ZERO, Vec::new());
        Placement {
            device,
            plan: None,
            compile,
            split: None,
            ticket: None,
            tuned: None,
            predicted,
            watches_loops: false,
        }
    }
}

impl CallParts<'_> {
    /// Finds the device or the devices, and plans the call if it has to be cut, or if a plan is `wanted` anyway.
    pub(super) fn place(&self, workgroups: [u32; 3], wanted: bool) -> Result<Box<Placement>> {
        if self.checkpoint.is_none() {
            let placement = self.place_anywhere(workgroups, wanted)?;
            let is_cut = placement.plan.as_ref().is_some_and(|plan| plan.is_cut());
            if !(placement.watches_loops && is_cut && placement.split.is_none()) {
                return Ok(placement);
            }
            // What lands before a loop is cut short stays, and another device does the rest.
            return self.place_units(workgroups, &placement);
        }
        let resident = |(at, arg): (usize, &Option<Arg<'_>>)| match arg {
            Some(Arg { data: Data::Resident { .. }, .. }) => Some(self.kernel.bindings()[at].name.as_str()),
            _ => None,
        };
        if let Some(name) = self.args.iter().enumerate().find_map(resident) {
            return Err(checkpoint::refuse_resident(&self.kernel, name));
        }
        let placement = self.place_anywhere(workgroups, true)?;
        let is_pinned = placement.plan.as_ref().is_none_or(|plan| plan.unsplit(&self.kernel).is_some());
        if placement.split.is_some() || is_pinned {
            return Ok(placement);
        }
        // They can be recorded as they are done.
        self.place_units(workgroups, &placement)
    }

    /// Has the device of a placement claim units, as those do that share a call.
    fn place_units(&self, workgroups: [u32; 3], placement: &Placement) -> Result<Box<Placement>> {
        let mut units = self.place_several(workgroups, std::slice::from_ref(&placement.device), true)?;
        units.compile += placement.compile;
        if let (Some(plan), Some(detour)) = (&units.plan, placement.plan.as_ref().and_then(|plan| plan.detour.clone()))
        {
            units.plan = Some(Arc::new(plan.with_detour(detour)));
        }
        Ok(units)
    }

    fn place_anywhere(&self, workgroups: [u32; 3], wanted: bool) -> Result<Box<Placement>> {
        if self.is_reproducible {
            return self.place_reproducibly(workgroups, wanted);
        }
        match &self.device {
            Some(Asked::One(device)) => self.place_on_one(workgroups, wanted, Some(device)),
            // Where the buffers are is where it runs.
            Some(Asked::Several { .. }) if self.has_resident_data() => self.place_on_one(workgroups, true, None),
            Some(Asked::Several { devices, is_list }) => self.place_several(workgroups, devices, *is_list),
            None if self.has_resident_data() => self.place_on_one(workgroups, wanted, None),
            None => match self.devices.default_several()? {
                Some(Asked::Several { devices, is_list }) => self.place_several(workgroups, &devices, is_list),
                _ => self.place_on_one(workgroups, wanted, None),
            },
        }
    }

    /// Finds a device for a call that has nothing to do.
    pub(super) fn place_nothing(&self, workgroups: [u32; 3], wanted: bool) -> Result<Box<Placement>> {
        let asked = match &self.device {
            Some(Asked::One(device)) => Some(device),
            Some(Asked::Several { devices, .. }) => devices.first(),
            None => None,
        };
        let found = self.candidates(asked)?.devices.first().cloned();
        let device = found.ok_or_else(|| Error::NoDevice(self.kernel.message("the runtime has no device")))?;
        let plan = || Arc::new(plan_nothing(&self.kernel, &self.given(workgroups), &device.describe()));
        let plan = wanted.then(plan);
        Ok(Box::new(Placement { plan, ..Placement::on(device) }))
    }

    /// Finds the one device that runs a call whose results are to be the same in every run: the one that holds its buffers or
    /// is named, else the CPU engine.
    fn place_reproducibly(&self, workgroups: [u32; 3], wanted: bool) -> Result<Box<Placement>> {
        if self.kernel.required_features().contains(&"shader-float32-atomic") {
            let problem = "it accumulates floats by atomics, whose order decides how sums are rounded: they differ from run to run";
            return Err(Error::Call(
                self.kernel.message(problem).help("leave .reproducible() out, or accumulate integers"),
            ));
        }
        if self.has_resident_data() {
            return self.place_on_one(workgroups, wanted, None);
        }
        let device = self.devices.reproducible(self.device.as_ref(), |problem| self.kernel.message(problem))?;
        self.place_on_one(workgroups, wanted, Some(&device))
    }

    pub(super) fn has_resident_data(&self) -> bool {
        self.args.iter().flatten().any(|arg| matches!(arg.data, Data::Resident { .. }))
    }

    /// Finds the one device that runs all of the call.
    pub(super) fn place_on_one(
        &self,
        workgroups: [u32; 3],
        wanted: bool,
        asked: Option<&Device>,
    ) -> Result<Box<Placement>> {
        let mut candidates = self.candidates(asked)?;
        if self.is_reproducible {
            candidates.devices.truncate(1);
        }
        let mut given = self.given(workgroups);
        let is_plain = self.is_plain();
        let regrid = |kernel: &Kernel| self.regrid(kernel);
        let regrid: Regrid<'_> = if is_plain && self.may_tune() { Some(&regrid) } else { None };
        let mut predict_order = || self.devices.predict_order(&self.kernel, &given, regrid, &mut candidates);
        let mut ticket = if is_plain { predict_order() } else { None };
        let saves_energy = self.prefer == Prefer::Energy;
        let mut predicted =
            if wanted || saves_energy { self.predicted(&given, regrid, &candidates) } else { Vec::new() };
        if !candidates.is_decided {
            self.order_by_energy(&mut candidates.devices, &predicted);
        }
        // Those that may run it, and no others. Nobody counts what several take, and a call that is recorded goes on with the
        // devices that it had.
        let may_share = |sharing: &&Arc<Sharing>| {
            !saves_energy
                && self.checkpoint.is_none()
                && sharing.devices.iter().all(|device| candidates.devices.contains(device))
        };
        let shared = ticket.as_ref().and_then(|ticket| Some((ticket, ticket.sharing().filter(may_share)?)));
        if let Some((ticket, sharing)) = shared {
            match self.place_shared(workgroups, sharing)? {
                Some(mut placement) => {
                    if wanted {
                        predicted.insert(0, Predicted::shared(sharing));
                    }
                    (placement.ticket, placement.predicted) = (Some(Box::clone(ticket)), predicted);
                    return Ok(placement);
                }
                // Not asked again.
                None => self.devices.keep_whole(ticket),
            }
        }
        if let Some(ticket) = &mut ticket {
            ticket.leave_to_one();
        }
        let wanted = wanted || self.tiles.is_some() || !self.watchers.is_empty();
        Search::new(self, &mut given, Wishes { ticket, predicted, is_planned: wanted }).among(&candidates)
    }

    /// Whether it takes as long as other calls of its kernel and size: its data comes from the host, and nobody asks for tiles.
    fn is_plain(&self) -> bool {
        let is_cut = self.tiles.is_some() || self.memory.is_some() || !self.watchers.is_empty();
        !is_cut && !self.is_reproducible && !self.has_resident_data()
    }

    /// Whether constants that it leaves open may be those that were tuned. Not where it counts workgroups, for then it knows how
    /// large they are.
    fn may_tune(&self) -> bool {
        self.checkpoint.is_none() && !matches!(self.extent, Some(Extent::Workgroups(_)))
    }

    /// The workgroups of the call with another kernel, which its constants make of it.
    pub(super) fn regrid(&self, kernel: &Kernel) -> Option<[u32; 3]> {
        match self.extent {
            Some(Extent::Invocations(_)) => self.extent?.workgroups(kernel).ok(),
            Some(Extent::Workgroups(_)) => None,
            // As it is inferred: an invocation for each element that is written.
            None if kernel.workgroup_size()[1..] == [1, 1] => {
                Extent::Invocations(self.output_length().ok()?.into()).workgroups(kernel).ok()
            }
            None => None,
        }
    }

    /// What the call is predicted to take on the devices that may run it, as far as that is known.
    fn predicted(&self, given: &PlanRequest<'_>, regrid: Regrid<'_>, candidates: &Candidates) -> Vec<Predicted> {
        if !self.is_plain() || !self.devices.learns() {
            return Vec::new();
        }
        let all: &[Device] = &candidates.devices;
        let devices = if candidates.is_decided { all.get(..1).unwrap_or_default() } else { all };
        let predictions = self.devices.predictions(&self.kernel, given, regrid, devices);
        let known = devices.iter().zip(predictions);
        known
            .filter_map(|(device, prediction)| {
                let watts = if self.prefer == Prefer::Energy { self.devices.watts(device) } else { None };
                Some(Predicted { device: device.clone(), others: Vec::new(), prediction: prediction?, watts })
            })
            .collect()
    }

    /// The call, as far as a plan depends on it.
    pub(super) fn given(&self, workgroups: [u32; 3]) -> PlanRequest<'_> {
        let bindings = self.kernel.bindings();
        let bytes = |(binding, arg): (&Binding, &Option<Arg<'_>>)| match arg {
            Some(arg) => arg.data.bytes(),
            None => self.uniforms.bytes(binding).len() as u64,
        };
        let holder = |(binding, arg): (&Binding, &Option<Arg<'_>>)| match arg {
            Some(Arg { data: Data::Resident { .. }, .. }) => DataLocation::Resident,
            _ if binding.kind == BindingKind::Uniform => DataLocation::Uniform,
            _ => DataLocation::Host,
        };
        let given = bindings.iter().zip(&self.args);
        let shape = CallShape::new(workgroups, given.clone().map(bytes), given.map(holder));
        let mut given = PlanRequest { shape, uniforms: self.uniforms.all() };
        let shape = &mut given.shape;
        (shape.memory, shape.tiles) = (self.memory, self.tiles);
        (shape.reports, shape.is_recorded) = (!self.watchers.is_empty(), self.checkpoint.is_some());
        given
    }

    /// The devices that may run the call.
    fn candidates(&self, asked: Option<&Device>) -> Result<Candidates> {
        let bindings = self.kernel.bindings();
        let residents = self.args.iter().enumerate().filter_map(|(at, arg)| match arg {
            Some(Arg { data: Data::Resident { device, .. }, .. }) => Some((at, device)),
            _ => None,
        });
        let name = |at: usize| format!("`{}`", bindings[at].name);
        let decision = device::decide("the call", residents, name, asked);
        let decision = decision.map_err(|message| Error::Call(message.kernel(self.kernel.name())))?;
        self.devices.candidates(decision)
    }

    /// Refuses bindings that are larger than the CPU engine takes, or that a device is given as a whole by the caller.
    pub(super) fn check_sizes(&self, device: &Device) -> Result<()> {
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

/// The error of a device that is lost, about the buffer that lived there if there is one.
pub(super) fn about_buffers(kernel: &Kernel, args: &[Option<Arg<'_>>], device: &Device, error: Error) -> Error {
    let Error::DeviceLost(message) = error else { return error };
    let lives = |arg: &Option<Arg<'_>>| matches!(arg, Some(Arg { data: Data::Resident { device: holder, .. }, .. }) if holder == device);
    let lost = args.iter().position(lives).filter(|_| message.kernel.is_empty());
    let Some(at) = lost else { return Error::DeviceLost(message) };
    let problem = format!("its buffer on {} is gone: {}", device.describe(), message.problem);
    let message = kernel.message(problem).subject(kernel.bindings()[at].name.as_str());
    Error::DeviceLost(message.help("make the buffer anew, from data on the host"))
}

/// The error for a binding that is given as a whole and is larger than the device takes.
pub(crate) fn too_large(kernel: &Kernel, binding: &Binding, bytes: u64, device: &Device) -> Error {
    let misfit = Misfit::Binding {
        name: binding.name.clone(),
        bytes,
        limit: device.inner.max_binding.min(device.inner.max_buffer),
        limit_name: "maxStorageBufferBindingSize",
        reason: String::new(),
        place: None,
    };
    unfit(kernel, device, &misfit)
}

/// The error of a call that no device can hold.
pub(super) fn unfit(kernel: &Kernel, device: &Device, misfit: &Misfit) -> Error {
    let device = device.describe();
    let (problem, subject) = match misfit {
        Misfit::Binding { name, bytes, limit, reason, place, .. } => {
            let (bytes, limit) = (exact_bytes(*bytes), exact_bytes(*limit));
            let mut problem = format!("`{name}` holds {bytes}, and {device} takes up to {limit} in a binding");
            if !reason.is_empty() {
                problem += &format!("; it cannot be cut: {reason}");
                if let Some(place) = place {
                    problem += &format!(" ({place})");
                }
            }
            (problem, name.as_str())
        }
        Misfit::Memory { .. } => (format!("{device} cannot hold the call: {misfit}"), ""),
    };
    let message = kernel.message(problem).help("go in batches, or choose another device (`cpu` takes any size)");
    Error::Unsupported(if subject.is_empty() { message } else { message.subject(subject) })
}
