//! The first of the devices that may run a call which can.

use std::sync::Arc;

use super::{
    CallParts,
    job::Predicted,
    place::{Placement, about_buffers, unfit},
};
use crate::{
    device::{Candidates, Device, Ticket, Variant},
    error::{Error, Result},
    plan::{Detour, Misfit, Plan, request::PlanRequest},
    trust::Doubt,
};

/// A call that looks for its device.
pub(super) struct Search<'s, 'g, 'a> {
    call: &'s CallParts<'a>,
    given: &'s mut PlanRequest<'g>,
    /// Those that the call was given with, without constants that are tuned.
    workgroups: [u32; 3],
    wishes: Wishes,
    /// Why the first that may not run it cannot.
    refusal: Option<Error>,
    /// The device that it does not run on though it is the first, or was asked for.
    passed: Option<(Device, Passed)>,
}

/// What a placement is to have beside the device.
pub(super) struct Wishes {
    pub ticket: Option<Box<Ticket>>,
    pub predicted: Vec<Predicted>,
    /// Whether it is planned though all of it fits.
    pub is_planned: bool,
}

/// Why a call does not run on the device that it is for.
enum Passed {
    Misfit(Misfit),
    Distrusted(Doubt),
}

impl Passed {
    fn reason(&self) -> String {
        match self {
            Passed::Misfit(misfit) => misfit.to_string(),
            Passed::Distrusted(doubt) => doubt.to_string(),
        }
    }
}

/// The call with constants that were tuned for a device, and its workgroups.
type Tuned = (Arc<Variant>, [u32; 3]);

impl<'s, 'g, 'a> Search<'s, 'g, 'a> {
    pub fn new(call: &'s CallParts<'a>, given: &'s mut PlanRequest<'g>, wishes: Wishes) -> Search<'s, 'g, 'a> {
        let workgroups = given.shape.workgroups;
        Search { call, given, workgroups, wishes, refusal: None, passed: None }
    }

    /// The place on the first of these that can.
    ///
    /// # Errors
    ///
    /// Why the one that was decided on cannot, or else the first.
    pub fn among(mut self, candidates: &Candidates) -> Result<Box<Placement>> {
        for (at, device) in candidates.devices.iter().enumerate() {
            if let Some(placement) = self.try_on(device, at == 0 && candidates.is_decided)? {
                return Ok(placement);
            }
        }
        Err(self.failure())
    }

    /// The place on a device; `is_named` if it was decided on. Nothing if others are to be tried.
    fn try_on(&mut self, device: &Device, is_named: bool) -> Result<Option<Box<Placement>>> {
        let call = self.call;
        let tuned = self.tuned_for(device);
        let kernel = tuned.as_ref().map_or(&call.kernel, |(variant, _)| &variant.kernel);
        self.given.shape.workgroups = tuned.as_ref().map_or(self.workgroups, |(_, workgroups)| *workgroups);
        let compile = match device.accepts(kernel) {
            Ok(compile) => compile,
            // Who asks for a device wants to know what it lacks.
            Err(error) if is_named => {
                let error = call.devices.name_takers(&[&call.kernel], error);
                return Err(about_buffers(&call.kernel, &call.args, device, error));
            }
            Err(error) => {
                self.refusal.get_or_insert(error);
                return Ok(None);
            }
        };
        self.given.shape.capacity = device.capacity();
        let doubt = call.devices.doubt(device, kernel, self.given);
        let watches_loops = doubt.is_some();
        if let Some(doubt) = &doubt
            && !(is_named && doubt.is_watchable() && !call.has_resident_data())
        {
            self.distrust(device, doubt, is_named);
            return Ok(None);
        }
        let plan = match !self.wishes.is_planned && self.passed.is_none() && self.given.shape.fits() {
            true => None,
            false => match (call.devices.plan(kernel, self.given, device)?, doubt) {
                // Nobody could go on from where a loop was cut short.
                (Ok(plan), Some(doubt)) if plan.is_cut() && plan.unsplit(&call.kernel).is_some() => {
                    self.passed = Some((device.clone(), Passed::Distrusted(doubt)));
                    return Ok(None);
                }
                (Ok(plan), _) => Some(self.explained(plan, tuned.as_ref())),
                (Err(why), _) => {
                    self.passed.get_or_insert((device.clone(), Passed::Misfit(why)));
                    return Ok(None);
                }
            },
        };
        call.check_sizes(device)?;
        let mut predicted = std::mem::take(&mut self.wishes.predicted);
        predicted.sort_by_key(|other| other.device != *device);
        let ticket = self.wishes.ticket.take();
        let placement =
            Placement { plan, compile, ticket, tuned, predicted, watches_loops, ..Placement::on(device.clone()) };
        Ok(Some(Box::new(placement)))
    }

    /// What was tuned for a device, where the call can use it.
    fn tuned_for(&self, device: &Device) -> Option<Tuned> {
        let variant = self.wishes.ticket.as_ref()?.variant_on(device)?;
        Some((Arc::clone(variant), self.call.regrid(&variant.kernel)?))
    }

    /// Notes that a device is not trusted with the call.
    fn distrust(&mut self, device: &Device, doubt: &Doubt, is_named: bool) {
        if is_named {
            self.passed = Some((device.clone(), Passed::Distrusted(doubt.clone())));
        } else if self.refusal.is_none() {
            self.refusal = Some(doubt.refusal(&self.call.kernel, &device.describe()));
        }
    }

    /// A plan with what is to be said of it.
    fn explained(&self, plan: Arc<Plan>, tuned: Option<&Tuned>) -> Arc<Plan> {
        let plan = match tuned {
            None => plan,
            Some((variant, _)) => Arc::new(plan.with_tuned(&variant.constants)),
        };
        match &self.passed {
            None => plan,
            Some((other, passed)) => {
                let detour = Detour { device: other.describe(), reason: passed.reason() };
                Arc::new(plan.with_detour(detour))
            }
        }
    }

    /// Why nobody runs the call.
    fn failure(self) -> Error {
        let call = self.call;
        match (self.passed, self.refusal) {
            (Some((device, Passed::Misfit(misfit))), _) => unfit(&call.kernel, &device, &misfit),
            (Some((device, Passed::Distrusted(doubt))), _) => doubt.refusal(&call.kernel, &device.describe()),
            (None, Some(error)) => call.devices.name_takers(&[&call.kernel], error),
            (None, None) => Error::NoDevice(call.kernel.message("the runtime has no device")),
        }
    }
}
