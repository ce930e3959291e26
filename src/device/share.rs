//! Calls that several devices are to share because that pays, though the caller leaves the device open.

use std::thread;

use super::{
    Device,
    learn::{Inner, State, Subject},
};
use crate::{
    cost::{self, Basis, Candidate, DeviceId, Fingerprint, PAYS, Prediction, Sharer, Task},
    device_info::DeviceKind,
};

/// The shortest call that is worth to be shared, in seconds on the best device alone: threads and sessions take their time.
const SHORTEST: f64 = 2e-3;

/// Devices that are to share a call, and why.
#[derive(Debug)]
pub(crate) struct Sharing {
    pub devices: Vec<Device>,
    /// Seconds that are predicted.
    pub seconds: f64,
    /// Seconds that are predicted for the best device alone.
    pub alone: f64,
    /// How far off that may be, as the logarithm of a factor.
    pub doubt: f64,
    /// Shared calls like it that were seen.
    pub observations: u64,
    /// Stands for these devices together.
    pub(super) group: DeviceId,
    /// Seconds that follow from what each takes alone.
    pub(super) by_alone: f64,
}

impl Sharing {
    /// What is predicted, for people.
    pub fn prediction(&self) -> Prediction {
        let basis = if self.observations > 0 { Basis::Runs } else { Basis::Alone };
        Prediction { seconds: self.seconds, doubt: self.doubt, basis, observations: self.observations }
    }
}

impl Inner {
    /// The devices that are to share a call, if that clearly pays. `able` are those that could run it, with what is predicted
    /// for each alone, compilation left out; the best of them is the one at `best`.
    pub(super) fn sharing(
        &self,
        state: &State,
        task: &Task,
        able: &[&Subject],
        candidates: &[Candidate],
        predictions: &[Prediction],
        best: usize,
    ) -> Option<Sharing> {
        let alone = predictions[best].seconds + candidates[best].compile;
        if alone < SHORTEST {
            return None;
        }
        let apart = apart(able, predictions);
        let is_fed = apart.iter().any(|&at| able[at].device.capacity().is_some());
        let threads = thread::available_parallelism().map_or(1, usize::from) as f64;
        let sharer = |&at: &usize| {
            let is_host = able[at].device.capacity().is_none();
            Sharer {
                // Who is not known well is not counted on.
                seconds: predictions[at].seconds * if at == best { 1.0 } else { predictions[at].doubt.exp() },
                fixed: state.model.ceilings(able[at].id).map_or(0.0, |ceilings| ceilings.launch),
                ahead: candidates[at].compile,
                keeps: if is_host && is_fed { ((threads - 1.0) / threads).max(0.1) } else { 1.0 },
            }
        };
        let (by_alone, places) = cost::shared(&apart.iter().map(sharer).collect::<Vec<_>>())?;
        let members: Vec<&Subject> = places.iter().map(|&place| able[apart[place]]).collect();
        let group = group(&members);
        let (factor, observations) = state.model.shared_factor(group, task);
        let seconds = by_alone * factor;
        let doubt = places.iter().map(|&place| predictions[apart[place]].doubt).fold(0.0, f64::max);
        let devices = members.iter().map(|subject| subject.device.clone()).collect();
        (seconds < PAYS * alone).then_some(Sharing { devices, seconds, alone, doubt, observations, group, by_alone })
    }
}

/// The places of those devices that compute on processors of their own: software that plays a GPU works on the host's.
fn apart(able: &[&Subject], predictions: &[Prediction]) -> Vec<usize> {
    let is_software = |at: &usize| able[*at].device.kind() == DeviceKind::SoftwareGpu;
    let has_engine = able.iter().any(|subject| subject.device.kind() == DeviceKind::Cpu);
    let software = (0..able.len()).filter(is_software);
    let fastest = software.min_by(|&a, &b| predictions[a].seconds.total_cmp(&predictions[b].seconds));
    (0..able.len()).filter(|at| !is_software(at) || !has_engine && Some(*at) == fastest).collect()
}

/// A name for devices together, whatever their order.
fn group(members: &[&Subject]) -> DeviceId {
    let mut ids: Vec<[u8; 16]> = members.iter().map(|member| member.id.0.0.to_le_bytes()).collect();
    ids.sort_unstable();
    DeviceId(Fingerprint::of(ids.iter().map(|id| &id[..])))
}
