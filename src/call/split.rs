//! Calls that several devices share: who takes part, and why a call is not shared.

use std::{sync::Arc, time::Duration};

use super::{
    CallParts,
    place::{Placement, unfit},
};
use crate::{
    device::{Device, Sharing},
    device_info::DeviceKind,
    error::{Error, Result},
    plan::{
        Plan,
        request::{CallShape, PlanRequest},
    },
};

/// The devices that share a call.
pub(super) struct Split {
    /// At least two; one where what it does is recorded unit by unit.
    pub members: Vec<SplitMember>,
    /// Whether the caller named them.
    pub is_list: bool,
    /// Devices of `all` that do not take part.
    pub left_out: Vec<Device>,
    /// Who takes the rest if all members fail.
    pub spare: Option<SplitMember>,
}

/// A device that takes part.
pub(super) struct SplitMember {
    pub device: Device,
    pub plan: Arc<Plan>,
    /// Units per second, where the device ran the kernel before.
    pub rate: Option<f64>,
    /// Whether the device is to find loops that it cuts short.
    pub watches_loops: bool,
}

impl SplitMember {
    /// Whether it computes on the host's cores, which feed the others too.
    pub fn is_host(&self) -> bool {
        self.device.capacity().is_none()
    }
}

impl CallParts<'_> {
    /// Plans the call for each of the devices; for one of them if it cannot be shared.
    pub(super) fn place_several(
        &self,
        workgroups: [u32; 3],
        devices: &[Device],
        is_list: bool,
    ) -> Result<Box<Placement>> {
        match self.split_among(workgroups, devices, is_list)? {
            Ok(placement) => match placement.split.as_ref().map(|split| split.members.as_slice()) {
                Some([only]) if self.checkpoint.is_none() && !only.watches_loops => {
                    self.place_on_one(workgroups, true, Some(&only.device))
                }
                _ => Ok(placement),
            },
            Err(reason) => self.place_unsplit(workgroups, devices, is_list, &reason),
        }
    }

    /// Plans the call for devices of which it is predicted that they do it sooner together; nothing where they cannot share it.
    pub(super) fn place_shared(&self, workgroups: [u32; 3], sharing: &Sharing) -> Result<Option<Box<Placement>>> {
        // What speaks against it is no error: one of them can run it alone.
        let Ok(Ok(mut placement)) = self.split_among(workgroups, &sharing.devices, false) else { return Ok(None) };
        if placement.split.as_ref().is_none_or(|split| split.members.len() < 2) {
            return Ok(None);
        }
        let time = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let (together, alone) = (time(sharing.seconds), time(sharing.alone));
        let reason = format!("{together:.3?} are predicted, and {alone:.3?} for the best of them alone");
        if let (Some(split), Some(plan)) = (&mut placement.split, &mut placement.plan) {
            *plan = Arc::new(plan.with_shared(&reason));
            split.members[0].plan = Arc::clone(plan);
        }
        Ok(Some(placement))
    }

    /// Plans the call for each of the devices; gives why it cannot be shared if it cannot.
    fn split_among(
        &self,
        workgroups: [u32; 3],
        devices: &[Device],
        is_list: bool,
    ) -> Result<Result<Box<Placement>, String>> {
        let mut given = self.given(workgroups);
        given.shape.splits = true;
        let mut split = Split { members: Vec::new(), is_list, left_out: Vec::new(), spare: None };
        let mut compile = Duration::ZERO;
        let mut refusal = None;
        for device in devices {
            if !is_list && shares_cores(device, devices) {
                split.left_out.push(device.clone());
                continue;
            }
            let planned = device.accepts(&self.kernel).and_then(|took| {
                compile += took;
                given.shape.capacity = device.capacity();
                self.check_sizes(device)?;
                let doubt = self.devices.doubt(device, &self.kernel, &given);
                let watches_loops = match doubt {
                    None => false,
                    Some(doubt) if is_list && doubt.is_watchable() => true,
                    Some(doubt) => return Err(doubt.refusal(&self.kernel, &device.describe())),
                };
                let plan = self.devices.plan(&self.kernel, &given, device)?;
                let plan = plan.map_err(|misfit| unfit(&self.kernel, device, &misfit))?;
                Ok((plan, watches_loops))
            });
            match planned {
                Ok((plan, watches_loops)) => {
                    if let Some(reason) = plan.unsplit(&self.kernel) {
                        return Ok(Err(reason));
                    }
                    let seconds = self.devices.seen_seconds(&self.kernel, &given, device);
                    let rate = seconds.map(|seconds| f64::from(plan.tiles.units()) / seconds);
                    split.members.push(SplitMember { device: device.clone(), plan, rate, watches_loops });
                }
                Err(error) if is_list => return Err(error),
                Err(error) => {
                    split.left_out.push(device.clone());
                    refusal = refusal.or(Some(error));
                }
            }
        }
        match split.members.as_slice() {
            [] => Err(refusal.unwrap_or_else(|| Error::NoDevice(self.kernel.message("the runtime has no device")))),
            [first, ..] => {
                let (device, plan) = (first.device.clone(), Some(Arc::clone(&first.plan)));
                split.spare = self.spare(&split.members, given)?;
                let split = Some(Box::new(split));
                Ok(Ok(Box::new(Placement { plan, compile, split, ..Placement::on(device) })))
            }
        }
    }

    /// The device that takes data of any size, if it is not a member anyway and runs the kernel.
    fn spare(&self, members: &[SplitMember], given: PlanRequest<'_>) -> Result<Option<SplitMember>> {
        let device = self.devices.unbounded().filter(|device| members.iter().all(|member| member.device != **device));
        let Some(device) = device.filter(|device| device.accepts(&self.kernel).is_ok()) else { return Ok(None) };
        let shape = CallShape { capacity: None, ..given.shape };
        let plan = self.devices.plan(&self.kernel, &PlanRequest { shape, ..given }, device)?;
        Ok(plan.ok().map(|plan| SplitMember { device: device.clone(), plan, rate: None, watches_loops: false }))
    }

    /// Has one device run all of the call: the first of a list, else the best.
    fn place_unsplit(
        &self,
        workgroups: [u32; 3],
        devices: &[Device],
        is_list: bool,
        reason: &str,
    ) -> Result<Box<Placement>> {
        let asked = devices.first().filter(|_| is_list);
        let mut placement = self.place_on_one(workgroups, true, asked)?;
        placement.plan = placement.plan.map(|plan| Arc::new(plan.with_unsplit(reason)));
        Ok(placement)
    }
}

/// Whether a device is software on the cores that another of the devices computes on itself.
pub(crate) fn shares_cores(device: &Device, devices: &[Device]) -> bool {
    device.kind() == DeviceKind::SoftwareGpu && devices.iter().any(|other| other.kind() == DeviceKind::Cpu)
}
